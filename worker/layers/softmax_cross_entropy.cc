#include "worker/layers/softmax_cross_entropy.h"

#include <array>
#include <limits>
#include <string_view>

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveSoftmaxCrossEntropy(const SoftmaxCrossEntropyConfig& config, const LayerContext& context) {
  constexpr std::array<std::string_view, 1> kLogits = {"classes"};
  DP_RETURN_IF_ERROR(context.CheckInputCount(2, 2));
  DP_RETURN_IF_ERROR(context.CheckElementType(0, ElementType::kReal));
  DP_RETURN_IF_ERROR(context.CheckAxes(0, kLogits));
  DP_RETURN_IF_ERROR(context.CheckElementType(1, ElementType::kIndex));
  if (context.input(1).elements != 1) return context.InputError(1, "holds more than the one label of an example");
  DP_RETURN_IF_ERROR(context.CheckNumber("label_smoothing", config.label_smoothing(), 0, 1, false, /*high_open=*/true));
  const double weight = config.has_weight() ? config.weight() : 1;
  DP_RETURN_IF_ERROR(
      context.CheckNumber("weight", weight, 0, std::numeric_limits<double>::infinity(), /*low_open=*/true));
  const SoftmaxCrossEntropy loss{
      .classes = context.shape(0).dim(0), .label_smoothing = config.label_smoothing(), .weight = weight};
  const auto elements = static_cast<double>(loss.classes);
  return context.Make(loss, {}, {.forward = 12 * elements, .backward_inputs = 12 * elements}, {.inputs = true});
}

}  // namespace downpour
