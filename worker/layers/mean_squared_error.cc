#include "worker/layers/mean_squared_error.h"

#include <limits>

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveMeanSquaredError(const MeanSquaredErrorConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckLossInputs());
  const double weight = config.has_weight() ? config.weight() : 1;
  DP_RETURN_IF_ERROR(
      context.CheckNumber("weight", weight, 0, std::numeric_limits<double>::infinity(), /*low_open=*/true));
  const MeanSquaredError loss{.elements = context.input(0).elements, .weight = weight};
  const auto elements = static_cast<double>(loss.elements);
  return context.Make(loss, {}, {.forward = 3 * elements, .backward_inputs = 3 * elements}, {.inputs = true});
}

}  // namespace downpour
