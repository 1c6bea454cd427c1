#ifndef DOWNPOUR_WORKER_TRAIN_RUN_BOARD_H_
#define DOWNPOUR_WORKER_TRAIN_RUN_BOARD_H_

#include <functional>
#include <utility>

#include "common/base/mutex.h"
#include "proto/status.pb.h"

namespace downpour {

// Where the run of this process, if one goes on, can be asked how it goes. Thread-safe.
class RunBoard {
 public:
  using Describer = std::function<void(wire::StatusReport*)>;

  // `describer` is called until Clear() has returned, one call at a time.
  void Show(Describer describer) {
    MutexLock lock(&mutex_);
    describer_ = std::move(describer);
  }
  void Clear() { Show(nullptr); }

  // Adds job, run and workers; false: no run goes on.
  bool Describe(wire::StatusReport* report) {
    MutexLock lock(&mutex_);
    if (describer_ == nullptr) return false;
    describer_(report);
    return true;
  }

 private:
  Mutex mutex_;
  Describer describer_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_RUN_BOARD_H_
