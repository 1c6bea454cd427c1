#include "worker/layers/sigmoid_cross_entropy.h"

#include <limits>

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveSigmoidCrossEntropy(const SigmoidCrossEntropyConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckLossInputs());
  const double weight = config.has_weight() ? config.weight() : 1;
  DP_RETURN_IF_ERROR(
      context.CheckNumber("weight", weight, 0, std::numeric_limits<double>::infinity(), /*low_open=*/true));
  const SigmoidCrossEntropy loss{.elements = context.input(0).elements, .weight = weight};
  const auto elements = static_cast<double>(loss.elements);
  return context.Make(loss, {}, {.forward = 20 * elements, .backward_inputs = 20 * elements}, {.inputs = true});
}

}  // namespace downpour
