#include "worker/layers/activation.h"

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

namespace {

// `cost` is what an evaluation counts as, by convention: 1 for a comparison, 10 with an exponential.
absl::StatusOr<Layer> Resolve(Activation activation, double cost, BackwardReads reads, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  const double flops = cost * static_cast<double>(context.input(0).elements);
  return context.Make(activation, context.shape(0).dims(), {.forward = flops, .backward_inputs = flops}, reads);
}

}  // namespace

absl::StatusOr<Layer> ResolveRelu(const ReluConfig&, const LayerContext& context) {
  return Resolve({.kind = Activation::Kind::kRelu}, 1, {.output = true}, context);
}

absl::StatusOr<Layer> ResolveLeakyRelu(const LeakyReluConfig& config, const LayerContext& context) {
  const double slope = config.has_slope() ? config.slope() : 0.01;
  // Up to 1 the sign of the output is that of the input, and backward needs nothing else.
  DP_RETURN_IF_ERROR(context.CheckNumber("slope", slope, 0, 1));
  return Resolve({.kind = Activation::Kind::kLeakyRelu, .slope = slope}, 2, {.inputs = true}, context);
}

absl::StatusOr<Layer> ResolveGelu(const GeluConfig& config, const LayerContext& context) {
  const auto kind = config.approximate() ? Activation::Kind::kGeluTanh : Activation::Kind::kGelu;
  return Resolve({.kind = kind}, 10, {.inputs = true}, context);
}

absl::StatusOr<Layer> ResolveTanh(const TanhConfig&, const LayerContext& context) {
  return Resolve({.kind = Activation::Kind::kTanh}, 10, {.output = true}, context);
}

absl::StatusOr<Layer> ResolveSigmoid(const SigmoidConfig&, const LayerContext& context) {
  return Resolve({.kind = Activation::Kind::kSigmoid}, 10, {.output = true}, context);
}

}  // namespace downpour
