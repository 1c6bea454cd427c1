#ifndef DOWNPOUR_WORKER_DEVICE_CPU_LANE_CONTEXT_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_LANE_CONTEXT_H_

#include <utility>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/base/thread_annotations.h"
#include "kernels/interface.h"
#include "kernels/nn/nn_kernels.h"
#include "worker/device/cpu/onednn.h"

namespace downpour {

// The first failure of a device's work, kept. Any thread.
class StickyStatus {
 public:
  void Update(absl::Status status) DP_EXCLUDES(mutex_) {
    if (status.ok()) return;
    const MutexLock lock(&mutex_);
    if (status_.ok()) status_ = std::move(status);
  }

  absl::Status Get() const DP_EXCLUDES(mutex_) {
    const MutexLock lock(&mutex_);
    return status_;
  }

 private:
  mutable Mutex mutex_;
  absl::Status status_ DP_GUARDED_BY(mutex_);
};

// What the kernels of a lane share. Lives as long as the lane, which its kernels do not outlive.
struct LaneContext {
  const nn::NnKernels& nn;
  const Kernels& vectors;  // conversions and sums
  onednn::Stream stream;
  StickyStatus status;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_LANE_CONTEXT_H_
