#include "worker/layers/elementwise.h"

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

namespace {

absl::StatusOr<Layer> Resolve(Elementwise::Kind kind, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckInputCount(2, 1024));
  DP_RETURN_IF_ERROR(context.CheckSameShapes());
  const bool product = kind == Elementwise::Kind::kMultiply;
  const double flops = static_cast<double>(context.input(0).elements) * static_cast<double>(context.input_count() - 1);
  return context.Make(Elementwise{.kind = kind}, context.shape(0).dims(),
                      {.forward = flops, .backward_inputs = product ? 2 * flops : 0}, {.inputs = product});
}

}  // namespace

absl::StatusOr<Layer> ResolveAdd(const AddConfig&, const LayerContext& context) {
  return Resolve(Elementwise::Kind::kAdd, context);
}

absl::StatusOr<Layer> ResolveMultiply(const MultiplyConfig&, const LayerContext& context) {
  return Resolve(Elementwise::Kind::kMultiply, context);
}

}  // namespace downpour
