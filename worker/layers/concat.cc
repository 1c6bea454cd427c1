#include "worker/layers/concat.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveConcat(const ConcatConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckInputCount(2, 1024));
  const Shape& first = context.shape(0);
  const auto rank = static_cast<int64_t>(first.rank());
  const int64_t written = config.has_axis() ? config.axis() : -1;
  const int64_t axis = written < 0 ? written + rank : written;
  if (axis < 0 || axis >= rank) {
    return context.InputError(0, absl::StrCat("axis is ", written, "; the input has ", rank, " axes"));
  }
  int64_t after = 1;
  for (int64_t i = axis + 1; i < rank; ++i) after *= first.dim(static_cast<size_t>(i));
  Concat concat;
  for (int64_t i = 0; i < axis; ++i) concat.outer *= first.dim(static_cast<size_t>(i));
  int64_t total = 0;
  for (size_t i = 0; i < context.input_count(); ++i) {
    DP_RETURN_IF_ERROR(context.CheckElementType(i, ElementType::kReal));
    const Shape& shape = context.shape(i);
    const auto at = static_cast<size_t>(axis);
    if (shape.rank() != first.rank() || !(shape.WithDim(at, 1) == first.WithDim(at, 1))) {
      return context.InputError(i, absl::StrCat("does not fit to the first input of shape ", first.ToString(),
                                                ": all axes but number ", axis, " must be equal"));
    }
    concat.inner_sizes.push_back(shape.dim(at) * after);
    total += shape.dim(at);
  }
  return context.Make(std::move(concat), first.WithDim(static_cast<size_t>(axis), total).dims(), {}, {});
}

}  // namespace downpour
