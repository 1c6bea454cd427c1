#include "common/tensor/shape.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

std::string DimsToString(std::span<const int64_t> dims) { return absl::StrCat("[", absl::StrJoin(dims, ", "), "]"); }

}  // namespace

absl::StatusOr<Shape> Shape::FromDims(std::span<const int64_t> dims) {
  if (dims.size() > kRankMax) {
    return absl::InvalidArgumentError(absl::StrCat("a shape has ", dims.size(), " dimensions (",
                                                   DimsToString(dims.first(kRankMax)), " and more); at most ", kRankMax,
                                                   " are supported"));
  }
  Shape shape;
  std::ranges::copy(dims, shape.dims_.begin());
  shape.rank_ = dims.size();
  DP_RETURN_IF_ERROR(shape.NumElements().status());
  return shape;
}

absl::StatusOr<int64_t> Shape::NumElements() const {
  int64_t product = 1;
  bool empty = false;
  for (const int64_t dim : dims()) {
    if (dim < 0) {
      return absl::InvalidArgumentError(absl::StrCat("shape ", ToString(), " has a negative dimension"));
    }
    if (dim == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, dim, &product)) {
      return absl::InvalidArgumentError(absl::StrCat("shape ", ToString(), " has more elements than fit in 63 bits"));
    }
  }
  return empty ? 0 : product;
}

absl::StatusOr<int64_t> Shape::NumBytes(DType dtype) const {
  DP_ASSIGN_OR_RETURN(const int64_t elements, NumElements());
  int64_t bytes = 0;
  if (__builtin_mul_overflow(elements, static_cast<int64_t>(DTypeSize(dtype)), &bytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", ToString(), " of ", ToAbsl(DTypeName(dtype)), " takes more bytes than fit in 63 bits"));
  }
  return bytes;
}

absl::StatusOr<Shape::Strides> Shape::RowMajorStrides() const {
  DP_RETURN_IF_ERROR(NumElements().status());
  Strides strides{};
  int64_t stride = 1;
  for (size_t axis = rank_; axis-- > 0;) {
    strides[axis] = stride;
    stride *= std::max<int64_t>(dims_[axis], 1);
  }
  return strides;
}

std::string Shape::ToString() const { return DimsToString(dims()); }

}  // namespace downpour
