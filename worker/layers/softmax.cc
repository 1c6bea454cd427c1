#include "worker/layers/softmax.h"

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveSoftmax(const SoftmaxConfig&, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckOneRealInput());
  const Shape& shape = context.shape(0);
  if (shape.rank() == 0) return context.InputError(0, "has no axis to sum over; this layer takes at least one");
  Softmax softmax{.width = shape.dim(shape.rank() - 1)};
  softmax.rows = context.input(0).elements / softmax.width;
  const auto elements = static_cast<double>(context.input(0).elements);
  return context.Make(softmax, shape.dims(), {.forward = 12 * elements, .backward_inputs = 4 * elements},
                      {.output = true});
}

}  // namespace downpour
