// The kernels of single layers, and of a few short chains, over kernels/nn: float32. Each file has those of one topic.
// Dense layers and convolutions are in linear_kernel.h and convolution_kernel.h.
#ifndef DOWNPOUR_WORKER_DEVICE_CPU_LAYER_KERNELS_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_LAYER_KERNELS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "worker/device/cpu/lane_context.h"
#include "worker/device/kernel.h"

namespace downpour {

using KernelOr = absl::StatusOr<std::unique_ptr<Kernel>>;

KernelOr MakeActivationKernel(const KernelSpec& spec, LaneContext* lane);
KernelOr MakeAddKernel(const KernelSpec& spec, LaneContext* lane);  // or of two inputs with the relu after it
KernelOr MakeMultiplyKernel(const KernelSpec& spec, LaneContext* lane);
KernelOr MakeDropoutKernel(const KernelSpec& spec, LaneContext* lane);

KernelOr MakeConcatKernel(const KernelSpec& spec, LaneContext* lane);  // of any compute type
KernelOr MakeEmbeddingKernel(const KernelSpec& spec, LaneContext* lane);

// A maximum, lrn, or both one after the other: see PoolingTail.
KernelOr MakePoolingTailKernel(const KernelSpec& spec, LaneContext* lane);
KernelOr MakeAveragePoolKernel(const KernelSpec& spec, LaneContext* lane);
KernelOr MakeGlobalPoolKernel(const KernelSpec& spec, LaneContext* lane);

KernelOr MakeBatchNormKernel(const KernelSpec& spec, LaneContext* lane);  // or with the relu after it
KernelOr MakeLayerNormKernel(const KernelSpec& spec, LaneContext* lane);

KernelOr MakeSoftmaxKernel(const KernelSpec& spec, LaneContext* lane);
KernelOr MakeSoftmaxCrossEntropyKernel(const KernelSpec& spec, LaneContext* lane);
KernelOr MakeSigmoidCrossEntropyKernel(const KernelSpec& spec, LaneContext* lane);
KernelOr MakeMeanSquaredErrorKernel(const KernelSpec& spec, LaneContext* lane);

// The error for what a lane has no kernel for; `why` says what it lacks.
absl::Status NoLaneKernel(const Layer& layer, std::string_view why);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_LAYER_KERNELS_H_
