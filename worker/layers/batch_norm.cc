#include "worker/layers/batch_norm.h"

#include <limits>

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveBatchNorm(const BatchNormConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  const Shape& shape = context.shape(0);
  if (shape.rank() == 0) return context.InputError(0, "has no channels; this layer takes at least one axis");
  BatchNorm norm{.channels = shape.dim(shape.rank() - 1)};
  norm.positions = context.input(0).elements / norm.channels;
  if (config.has_momentum()) norm.momentum = config.momentum();
  if (config.has_epsilon()) norm.epsilon = config.epsilon();
  norm.has_scale = !config.without_scale();
  norm.has_offset = !config.without_offset();
  DP_RETURN_IF_ERROR(context.CheckNumber("momentum", norm.momentum, 0, 1, /*low_open=*/true));
  DP_RETURN_IF_ERROR(
      context.CheckNumber("epsilon", norm.epsilon, 0, std::numeric_limits<double>::infinity(), /*low_open=*/true));
  if (config.without_scale() && config.has_scale()) return context.Error("has both scale and without_scale");
  if (config.without_offset() && config.has_offset()) return context.Error("has both offset and without_offset");
  const auto elements = static_cast<double>(context.input(0).elements);
  DP_ASSIGN_OR_RETURN(
      Layer layer,
      context.Make(norm, shape.dims(),
                   {.forward = 6 * elements, .backward_inputs = 6 * elements, .backward_parameters = 4 * elements},
                   {.inputs = true}));
  if (norm.has_scale) {
    DP_RETURN_IF_ERROR(context.AddParameter({.name = "scale",
                                             .dims = {norm.channels},
                                             .default_initializer = ConstantInitializer(1),
                                             .config = &config.scale()},
                                            &layer));
  }
  if (norm.has_offset) {
    DP_RETURN_IF_ERROR(context.AddParameter({.name = "offset",
                                             .dims = {norm.channels},
                                             .default_initializer = ConstantInitializer(0),
                                             .config = &config.offset()},
                                            &layer));
  }
  for (const bool is_mean : {true, false}) {
    DP_RETURN_IF_ERROR(context.AddParameter({.name = is_mean ? "mean" : "variance",
                                             .dims = {norm.channels},
                                             .default_initializer = ConstantInitializer(is_mean ? 0 : 1),
                                             .role = ParameterSpec::Role::kState},
                                            &layer));
  }
  return layer;
}

}  // namespace downpour
