// Which kernel a lane makes of what: the rules of fusing and of choosing, in one place.
#ifndef DOWNPOUR_WORKER_DEVICE_CPU_LANE_KERNELS_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_LANE_KERNELS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/device/cpu/lane_context.h"
#include "worker/device/kernel.h"

namespace downpour {

// Whether a chain of two and more layers is one kernel:
//   dense or conv2d, relu
//   conv2d that Winograd computes, (relu,) then max_pool, lrn, or both in either order
//   max_pool, lrn      lrn, max_pool
//   batch_norm, relu   add of two, relu
bool LaneFuses(const KernelSpec& spec);

// UNIMPLEMENTED, naming the layer and what is missing, where there is none.
absl::StatusOr<std::unique_ptr<Kernel>> MakeLaneKernel(const KernelSpec& spec, LaneContext* lane);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_LANE_KERNELS_H_
