#include "worker/device/cpu/lane_kernels.h"

#include <span>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/tensor/dtype.h"
#include "worker/device/cpu/convolution_kernel.h"
#include "worker/device/cpu/layer_kernels.h"
#include "worker/device/cpu/linear_kernel.h"
#include "worker/device/cpu/pooling_tail.h"
#include "worker/device/cpu/widened_kernel.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

bool IsRelu(const Layer& layer) {
  const Activation* const activation = layer.As<Activation>();
  return activation != nullptr && activation->kind == Activation::Kind::kRelu;
}

bool IsWinograd(const Layer& layer, DType compute) {
  const Conv2D* const conv = layer.As<Conv2D>();
  return conv != nullptr && UsesWinograd(*conv, compute);
}

bool IsLinear(const Layer& layer) { return layer.As<Dense>() != nullptr || layer.As<Conv2D>() != nullptr; }

bool IsWholeTail(std::span<const Layer* const> layers, bool after_relu) {
  const auto tail = PoolingTail::Match(layers, after_relu);
  return tail.has_value() && tail->length() == layers.size();
}

// For each kind of layer but the linear ones the kernel in float32, alone or with what LaneFuses says may follow it.
struct MakeFloat32 {
  const KernelSpec& spec;
  LaneContext* lane;

  KernelOr operator()(const Dense&) const { return MakeLinearKernel(spec, lane); }
  KernelOr operator()(const Conv2D&) const { return MakeConvolutionKernel(spec, lane); }
  KernelOr operator()(const Pool2D& pool) const {
    return pool.kind == Pool2D::Kind::kMax ? MakePoolingTailKernel(spec, lane) : MakeAveragePoolKernel(spec, lane);
  }
  KernelOr operator()(const GlobalPool&) const { return MakeGlobalPoolKernel(spec, lane); }
  KernelOr operator()(const Activation&) const { return MakeActivationKernel(spec, lane); }
  KernelOr operator()(const Softmax&) const { return MakeSoftmaxKernel(spec, lane); }
  KernelOr operator()(const Lrn&) const { return MakePoolingTailKernel(spec, lane); }
  KernelOr operator()(const BatchNorm&) const { return MakeBatchNormKernel(spec, lane); }
  KernelOr operator()(const LayerNorm&) const { return MakeLayerNormKernel(spec, lane); }
  KernelOr operator()(const Dropout&) const { return MakeDropoutKernel(spec, lane); }
  KernelOr operator()(const Reshape&) const {
    return NoLaneKernel(*spec.chain.front(), "a view has nothing to compute");
  }
  KernelOr operator()(const Elementwise& op) const {
    return op.kind == Elementwise::Kind::kAdd ? MakeAddKernel(spec, lane) : MakeMultiplyKernel(spec, lane);
  }
  KernelOr operator()(const Concat&) const { return MakeConcatKernel(spec, lane); }
  KernelOr operator()(const Embedding&) const { return MakeEmbeddingKernel(spec, lane); }
  KernelOr operator()(const SoftmaxCrossEntropy&) const { return MakeSoftmaxCrossEntropyKernel(spec, lane); }
  KernelOr operator()(const SigmoidCrossEntropy&) const { return MakeSigmoidCrossEntropyKernel(spec, lane); }
  KernelOr operator()(const MeanSquaredError&) const { return MakeMeanSquaredErrorKernel(spec, lane); }
};

// A convolution that Winograd does not compute, and all dense layers.
bool IsOneDnn(const Layer& layer, DType compute) { return IsLinear(layer) && !IsWinograd(layer, compute); }

KernelOr MakeFloat32Kernel(const KernelSpec& spec, const Layer& first, LaneContext* lane) {
  if (IsOneDnn(first, spec.compute)) return MakeLinearKernel(spec, lane);
  return std::visit(MakeFloat32{spec, lane}, first.op);
}

KernelOr MakeBFloat16Kernel(const KernelSpec& spec, const Layer& first, LaneContext* lane) {
  if (first.As<Concat>() != nullptr) return MakeConcatKernel(spec, lane);
  if (IsOneDnn(first, spec.compute) && HasBFloat16LinearKernel()) return MakeLinearKernel(spec, lane);
  KernelSpec wide = spec;
  wide.compute = DType::kFloat32;
  DP_ASSIGN_OR_RETURN(std::unique_ptr<Kernel> inner, MakeFloat32Kernel(wide, first, lane));
  return MakeWidenedKernel(spec, std::move(inner), lane);
}

}  // namespace

bool LaneFuses(const KernelSpec& spec) {
  const std::span<const Layer* const> chain = spec.chain;
  const Layer& first = *chain.front();
  const bool then_relu = IsRelu(*chain[1]);
  if (IsWinograd(first, spec.compute)) {
    const std::span<const Layer* const> rest = chain.subspan(then_relu ? 2 : 1);
    return rest.empty() || IsWholeTail(rest, then_relu);
  }
  if (chain.size() == 2 && then_relu) {
    const Elementwise* const elementwise = first.As<Elementwise>();
    return IsLinear(first) || first.As<BatchNorm>() != nullptr ||
           (elementwise != nullptr && elementwise->kind == Elementwise::Kind::kAdd && first.inputs.size() == 2);
  }
  return IsWholeTail(chain, /*after_relu=*/false);
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeLaneKernel(const KernelSpec& spec, LaneContext* lane) {
  const Layer& first = *spec.chain.front();
  if (spec.chain.size() > 1 && !LaneFuses(spec))
    return NoLaneKernel(first, "the layers after it are not fused with it");
  if (spec.compute == DType::kFloat32) return MakeFloat32Kernel(spec, first, lane);
  if (spec.compute == DType::kBFloat16) return MakeBFloat16Kernel(spec, first, lane);
  return NoLaneKernel(first, "it computes in float32 or bfloat16; the reference device has float64");
}

}  // namespace downpour
