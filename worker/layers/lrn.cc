#include "worker/layers/lrn.h"

#include <limits>

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveLrn(const LrnConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  const Shape& shape = context.shape(0);
  if (shape.rank() == 0) return context.InputError(0, "has no channels; this layer takes at least one axis");
  Lrn lrn{.channels = shape.dim(shape.rank() - 1)};
  lrn.positions = context.input(0).elements / lrn.channels;
  if (config.has_radius()) lrn.radius = config.radius();
  if (config.has_bias()) lrn.bias = config.bias();
  if (config.has_alpha()) lrn.alpha = config.alpha();
  if (config.has_beta()) lrn.beta = config.beta();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  DP_RETURN_IF_ERROR(context.CheckNumber("radius", static_cast<double>(lrn.radius), 0, 1 << 20));
  DP_RETURN_IF_ERROR(context.CheckNumber("bias", lrn.bias, 0, kInfinity, /*low_open=*/true));
  DP_RETURN_IF_ERROR(context.CheckNumber("alpha", lrn.alpha, 0, kInfinity));
  DP_RETURN_IF_ERROR(context.CheckNumber("beta", lrn.beta, -100, 100));
  // A sum that slides along the channels costs the same for every radius.
  const auto elements = static_cast<double>(context.input(0).elements);
  return context.Make(lrn, shape.dims(), {.forward = 15 * elements, .backward_inputs = 20 * elements},
                      {.inputs = true});
}

}  // namespace downpour
