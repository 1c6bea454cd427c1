// Views of tensors in memory that somebody else owns.
#ifndef DOWNPOUR_COMMON_TENSOR_VIEW_H_
#define DOWNPOUR_COMMON_TENSOR_VIEW_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/status.h"
#include "common/tensor/dtype.h"
#include "common/tensor/shape.h"

namespace downpour {

namespace tensor_view_internal {

// OK when `size` bytes at `data` are exactly a tensor of this type and shape, aligned for its elements.
absl::Status CheckMemory(const void* data, size_t size, DType dtype, const Shape& shape);
absl::Status CheckDType(DType actual, DType wanted, const Shape& shape);
absl::Status CheckRows(const Shape& shape, int64_t begin, int64_t end);

}  // namespace tensor_view_internal

// A contiguous row-major tensor: memory, element type, shape. Used as TensorView (elements may be written) and
// ConstTensorView. A view owns nothing: the memory must outlive it and its copies. Every view that exists is
// consistent, for there is no other way to make one than by the checks below: the memory holds just the elements of
// the shape and is aligned for them. Views are values; threads may share the memory under the usual rules.
template <typename Byte>
requires std::same_as<std::remove_const_t<Byte>, std::byte>
class BasicTensorView {
 public:
  template <typename T>
  using Element = std::conditional_t<std::is_const_v<Byte>, const T, T>;

  // No elements: float32 of shape [0].
  BasicTensorView() : shape_(0) {}

  // INVALID_ARGUMENT if `memory` is not just the size of the tensor or not aligned to its elements.
  static absl::StatusOr<BasicTensorView> Create(std::span<Byte> memory, DType dtype, const Shape& shape) {
    DP_RETURN_IF_ERROR(tensor_view_internal::CheckMemory(memory.data(), memory.size(), dtype, shape));
    return BasicTensorView(memory, dtype, shape);
  }

  // A view of elements: INVALID_ARGUMENT if their number is not that of the shape.
  template <typename T, size_t kExtent>
  static absl::StatusOr<BasicTensorView> Of(std::span<T, kExtent> elements, const Shape& shape) {
    return Create(Bytes<T>(elements), kDTypeOf<std::remove_const_t<T>>, shape);
  }

  // A view of elements in one dimension.
  template <typename T, size_t kExtent>
  static BasicTensorView Of(std::span<T, kExtent> elements) {
    return BasicTensorView(Bytes<T>(elements), kDTypeOf<std::remove_const_t<T>>, Shape(elements.size()));
  }

  // A view for writing is also one for reading.
  operator BasicTensorView<const std::byte>() const requires(!std::is_const_v<Byte>) {
    return BasicTensorView<const std::byte>(memory_, dtype_, shape_);
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::span<Byte> bytes() const { return memory_; }
  int64_t num_elements() const { return static_cast<int64_t>(memory_.size() / DTypeSize(dtype_)); }

  // The elements in row-major order; INVALID_ARGUMENT if they are not of type T.
  template <typename T>
  absl::StatusOr<std::span<Element<T>>> As() const {
    DP_RETURN_IF_ERROR(tensor_view_internal::CheckDType(dtype_, kDTypeOf<T>, shape_));
    return std::span(reinterpret_cast<Element<T>*>(memory_.data()), memory_.size() / sizeof(T));
  }

  // The rows [begin, end) along the first dimension; OUT_OF_RANGE unless 0 <= begin <= end <= rows.
  absl::StatusOr<BasicTensorView> Rows(int64_t begin, int64_t end) const {
    DP_RETURN_IF_ERROR(tensor_view_internal::CheckRows(shape_, begin, end));
    const size_t row_bytes = shape_.dim(0) == 0 ? 0 : memory_.size() / static_cast<size_t>(shape_.dim(0));
    return BasicTensorView(
        memory_.subspan(static_cast<size_t>(begin) * row_bytes, static_cast<size_t>(end - begin) * row_bytes), dtype_,
        shape_.WithDim(0, end - begin));
  }

 private:
  template <typename B>
  requires std::same_as<std::remove_const_t<B>, std::byte>
  friend class BasicTensorView;

  BasicTensorView(std::span<Byte> memory, DType dtype, const Shape& shape)
      : memory_(memory), shape_(shape), dtype_(dtype) {}

  template <typename T>
  static std::span<Byte> Bytes(std::span<T> elements) {
    if constexpr (std::is_const_v<Byte>) {
      return std::as_bytes(elements);
    } else {
      return std::as_writable_bytes(elements);
    }
  }

  std::span<Byte> memory_;
  Shape shape_;
  DType dtype_ = DType::kFloat32;
};

using TensorView = BasicTensorView<std::byte>;
using ConstTensorView = BasicTensorView<const std::byte>;

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TENSOR_VIEW_H_
