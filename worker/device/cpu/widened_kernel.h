#ifndef DOWNPOUR_WORKER_DEVICE_CPU_WIDENED_KERNEL_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_WIDENED_KERNEL_H_

#include <memory>

#include "worker/device/cpu/lane_context.h"
#include "worker/device/kernel.h"

namespace downpour {

// A kernel in bfloat16 from one in float32: `spec` is in bfloat16, `inner` was made for the same in float32. Each call
// widens what the inner kernel reads, in the workspace, and rounds what it writes.
std::unique_ptr<Kernel> MakeWidenedKernel(const KernelSpec& spec, std::unique_ptr<Kernel> inner, LaneContext* lane);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_WIDENED_KERNEL_H_
