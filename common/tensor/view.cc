#include "common/tensor/view.h"

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour::tensor_view_internal {

absl::Status CheckMemory(const void* data, size_t size, DType dtype, const Shape& shape) {
  if (DTypeSize(dtype) == 0) {
    return absl::InvalidArgumentError(absl::StrCat("element type number ", static_cast<int>(dtype), " is unknown"));
  }
  DP_ASSIGN_OR_RETURN(const int64_t wanted, shape.NumBytes(dtype));
  if (size != static_cast<uint64_t>(wanted)) {
    return absl::InvalidArgumentError(absl::StrCat("a tensor of ", ToAbsl(DTypeName(dtype)), " ", shape.ToString(),
                                                   " takes ", wanted, " bytes, but there are ", size));
  }
  if (reinterpret_cast<uintptr_t>(data) % DTypeSize(dtype) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("the memory of a tensor of ", ToAbsl(DTypeName(dtype)), " ",
                                                   shape.ToString(), " is not aligned to ", DTypeSize(dtype),
                                                   " bytes; copy it to aligned memory first"));
  }
  return absl::OkStatus();
}

absl::Status CheckDType(DType actual, DType wanted, const Shape& shape) {
  if (actual == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a tensor of ", ToAbsl(DTypeName(actual)), " ", shape.ToString(),
                                                 " cannot be read as ", ToAbsl(DTypeName(wanted))));
}

absl::Status CheckRows(const Shape& shape, int64_t begin, int64_t end) {
  if (shape.rank() == 0) return absl::OutOfRangeError("a scalar has no rows");
  if (0 <= begin && begin <= end && end <= shape.dim(0)) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("rows [", begin, ", ", end, ") are not rows of a tensor of shape ", shape.ToString()));
}

}  // namespace downpour::tensor_view_internal
