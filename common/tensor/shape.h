// The extents of a tensor.
#ifndef DOWNPOUR_COMMON_TENSOR_SHAPE_H_
#define DOWNPOUR_COMMON_TENSOR_SHAPE_H_

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"

namespace downpour {

// Up to eight dimensions in row-major order, the last one varying fastest. A value: copied freely, no heap memory.
//
// Shapes that come from a file or a peer go through FromDims, which refuses what makes no sense. Shapes written in
// code, Shape{64, 3}, are not checked when made; whatever is computed from a shape is checked in either case and names
// the shape when it refuses: a negative dimension, or an element count beyond int64 (zero dimensions left out of the
// product, so that strides fit too).
class Shape {
 public:
  static constexpr size_t kRankMax = 8;
  using Strides = std::array<int64_t, kRankMax>;

  // The shape of a scalar: no dimensions, one element.
  constexpr Shape() = default;

  template <std::integral... Dims>
  requires(sizeof...(Dims) >= 1 && sizeof...(Dims) <= kRankMax) constexpr explicit(sizeof...(Dims) == 1)
      Shape(Dims... dims)
      : dims_{static_cast<int64_t>(dims)...}, rank_(sizeof...(Dims)) {}

  // INVALID_ARGUMENT for more than eight dimensions and for everything that NumElements refuses.
  static absl::StatusOr<Shape> FromDims(std::span<const int64_t> dims);

  constexpr size_t rank() const { return rank_; }

  // Requires axis < rank().
  constexpr int64_t dim(size_t axis) const { return dims_[axis]; }

  // Valid as long as the shape lives.
  constexpr std::span<const int64_t> dims() const { return std::span(dims_).first(rank_); }

  // A copy with one extent changed. Requires axis < rank().
  constexpr Shape WithDim(size_t axis, int64_t size) const {
    Shape changed = *this;
    changed.dims_[axis] = size;
    return changed;
  }

  absl::StatusOr<int64_t> NumElements() const;
  absl::StatusOr<int64_t> NumBytes(DType dtype) const;

  // How many elements apart neighbours along each axis lie; entries from rank() on are 0.
  absl::StatusOr<Strides> RowMajorStrides() const;

  // "[2, 3]"; "[]" for a scalar.
  std::string ToString() const;

  friend constexpr bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.dims(), b.dims()); }

  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.ToString(); }

 private:
  std::array<int64_t, kRankMax> dims_{};
  size_t rank_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TENSOR_SHAPE_H_
