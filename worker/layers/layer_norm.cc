#include "worker/layers/layer_norm.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveLayerNorm(const LayerNormConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  const std::span<const int64_t> dims = context.shape(0).dims();
  const size_t axes = config.has_axes() ? config.axes() : 1;
  if (axes < 1 || axes > dims.size()) {
    return context.InputError(0, absl::StrCat("axes is ", axes, "; it must be in [1, ", dims.size(), "]"));
  }
  const std::span<const int64_t> normalised = dims.last(axes);
  LayerNorm norm{.width = 1, .has_scale = !config.without_scale(), .has_offset = !config.without_offset()};
  for (const int64_t dim : normalised) norm.width *= dim;
  norm.rows = context.input(0).elements / norm.width;
  if (config.has_epsilon()) norm.epsilon = config.epsilon();
  DP_RETURN_IF_ERROR(
      context.CheckNumber("epsilon", norm.epsilon, 0, std::numeric_limits<double>::infinity(), /*low_open=*/true));
  if (config.without_scale() && config.has_scale()) return context.Error("has both scale and without_scale");
  if (config.without_offset() && config.has_offset()) return context.Error("has both offset and without_offset");
  const auto elements = static_cast<double>(context.input(0).elements);
  DP_ASSIGN_OR_RETURN(
      Layer layer,
      context.Make(norm, dims,
                   {.forward = 7 * elements, .backward_inputs = 8 * elements, .backward_parameters = 3 * elements},
                   {.inputs = true}));
  for (const bool is_scale : {true, false}) {
    if (is_scale ? !norm.has_scale : !norm.has_offset) continue;
    DP_RETURN_IF_ERROR(context.AddParameter({.name = is_scale ? "scale" : "offset",
                                             .dims = {normalised.begin(), normalised.end()},
                                             .default_initializer = ConstantInitializer(is_scale ? 1 : 0),
                                             .config = is_scale ? &config.scale() : &config.offset()},
                                            &layer));
  }
  return layer;
}

}  // namespace downpour
