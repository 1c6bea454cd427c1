#include "worker/layers/dropout.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveDropout(const DropoutConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  DP_RETURN_IF_ERROR(context.CheckNumber("rate", config.rate(), 0, 1, /*low_open=*/false, /*high_open=*/true));
  const auto elements = static_cast<double>(context.input(0).elements);
  return context.Make(Dropout{.rate = config.rate(), .stream = Hash64(context.name())}, context.shape(0).dims(),
                      {.forward = 2 * elements, .backward_inputs = 2 * elements}, {});
}

}  // namespace downpour
