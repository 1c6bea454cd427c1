#include "server/shard/gradient_check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"
#include "kernels/slices.h"

namespace downpour {
namespace {

// Far above what float32 gradients can have, and its square is finite.
constexpr double kNormMax = 1e100;

// The slow way round, once it is known that there is one.
Refusal FirstNotFinite(const Kernels& kernels, const PushRequest& push) {
  SliceCursor cursor(push.slices, push.dtype);
  std::array<float, kSumGroup> values;
  for (size_t first = 0; first < push.element_count;) {
    const SliceCursor::FloatRun run = cursor.Next(std::min(values.size(), push.element_count - first));
    if (run.count == 0) break;
    kernels.ToFloat(run.values, push.dtype, values.data(), run.count);
    for (size_t i = 0; i < run.count; ++i) {
      if (!std::isfinite(values[i])) {
        return Refusal(RefusalReason::kNotFinite,
                       absl::StrCat("element ", first + i, " of ", push.element_count, " of the gradient is ",
                                    values[i], "; the replica has diverged or its input is broken"));
      }
    }
    first += run.count;
  }
  return Refusal(RefusalReason::kNotFinite, "the gradient has an element that is not finite");
}

}  // namespace

Refusal CheckGradientForm(const PushRequest& push, size_t element_count, bool needs_norm) {
  if (push.dtype != DType::kFloat32 && push.dtype != DType::kBFloat16 && push.dtype != DType::kFloat16) {
    return Refusal(RefusalReason::kDType, absl::StrCat("a gradient cannot be ", ToAbsl(DTypeName(push.dtype)),
                                                       "; send float32, bfloat16 or float16"));
  }
  if (push.element_count != element_count) {
    return Refusal(RefusalReason::kElementCount,
                   absl::StrCat("the gradient has ", push.element_count, " elements, the shard ", element_count,
                                "; is this the model that the job runs?"));
  }
  const size_t bytes = ByteCount(push.slices);
  if (bytes != element_count * DTypeSize(push.dtype)) {
    return Refusal(RefusalReason::kByteCount,
                   absl::StrCat("the gradient came with ", bytes, " bytes; ", element_count, " elements of ",
                                ToAbsl(DTypeName(push.dtype)), " are ", element_count * DTypeSize(push.dtype)));
  }
  if (!needs_norm) return Refusal();
  if (!push.table_gradient_norm.has_value()) {
    return Refusal(RefusalReason::kGradientNorm,
                   "the job clips by the norm of the table's gradient, of which this shard is a part: send the norm");
  }
  if (!(*push.table_gradient_norm >= 0 && *push.table_gradient_norm <= kNormMax)) {  // false for NaN
    return Refusal(RefusalReason::kGradientNorm,
                   absl::StrCat("the norm of the table's gradient cannot be ", *push.table_gradient_norm));
  }
  return Refusal();
}

Refusal CheckGradientFinite(const Kernels& kernels, const PushRequest& push) {
  if (AllFinite(kernels, push.slices, push.dtype)) return Refusal();
  return FirstNotFinite(kernels, push);
}

}  // namespace downpour
