#ifndef DOWNPOUR_WORKER_DEVICE_CPU_LINEAR_KERNEL_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_LINEAR_KERNEL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/device/cpu/lane_context.h"
#include "worker/device/kernel.h"

namespace downpour {

// A dense layer or convolution, alone or with the relu after it, by oneDNN, in float32 or bfloat16.
absl::StatusOr<std::unique_ptr<Kernel>> MakeLinearKernel(const KernelSpec& spec, LaneContext* lane);

// Whether oneDNN computes in bfloat16 itself on this machine.
bool HasBFloat16LinearKernel();

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_LINEAR_KERNEL_H_
