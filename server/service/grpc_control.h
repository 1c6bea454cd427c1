#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_CONTROL_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_CONTROL_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/base/mutex.h"
#include "common/rpc/control.h"
#include "server/service/grpc_call.h"

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

// The handler of a call of the service Control; null for a method that it does not have.
std::unique_ptr<CallHandler> MakeControlCall(const std::string& method, GrpcCall* call, Control* control,
                                             ControlThread* thread);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_CONTROL_H_
