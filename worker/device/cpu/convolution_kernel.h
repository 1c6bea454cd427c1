#ifndef DOWNPOUR_WORKER_DEVICE_CPU_CONVOLUTION_KERNEL_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_CONVOLUTION_KERNEL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "worker/device/cpu/lane_context.h"
#include "worker/device/kernel.h"

namespace downpour {

// Whether a convolution is computed by Winograd's algorithm (kernels/nn/convolution.h) rather than by oneDNN: a rule on
// the shape, backed by convolution_bench, and not a measurement, so that the same model gives the same bits in every
// run. In bfloat16 Winograd computes in float32, and wins where it saves more than that costs.
bool UsesWinograd(const Conv2D& conv, DType compute);

// A convolution for which that holds, alone or with what follows it: relu, then a PoolingTail. What lies between them
// never leaves the cache. Float32.
absl::StatusOr<std::unique_ptr<Kernel>> MakeConvolutionKernel(const KernelSpec& spec, LaneContext* lane);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_CONVOLUTION_KERNEL_H_
