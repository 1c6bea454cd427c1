#ifndef DOWNPOUR_SERVER_SERVICE_CONTROL_THREAD_H_
#define DOWNPOUR_SERVER_SERVICE_CONTROL_THREAD_H_

#include <deque>
#include <functional>
#include <thread>

#include "common/base/mutex.h"

namespace downpour {

// A thread for calls that take long (filling the tables of a job), so that they hold up no connection.
class ControlThread {
 public:
  ControlThread();
  ~ControlThread() { Stop(); }

  // False: too many wait already.
  [[nodiscard]] bool Post(std::function<void()> work);
  // Does what was posted, then ends. Idempotent.
  void Stop();

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> work_ DP_GUARDED_BY(mutex_);
  bool stopping_ DP_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_CONTROL_THREAD_H_
