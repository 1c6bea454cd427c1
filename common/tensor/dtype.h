// The element types of tensors, on the wire, in checkpoints and in memory.
#ifndef DOWNPOUR_COMMON_TENSOR_DTYPE_H_
#define DOWNPOUR_COMMON_TENSOR_DTYPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/tensor/half.h"

namespace downpour {

enum class DType : uint8_t {
  kFloat32,
  kBFloat16,
  kFloat16,
  kFloat64,
  kInt32,
  kInt64,
  kUInt8,
};

inline constexpr std::array<DType, 7> kAllDTypes = {
    DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kFloat64, DType::kInt32, DType::kInt64, DType::kUInt8,
};

// Bytes of one element; 0 for a value outside the enumeration.
constexpr size_t DTypeSize(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
    case DType::kInt32:
      return 4;
    case DType::kBFloat16:
    case DType::kFloat16:
      return 2;
    case DType::kFloat64:
    case DType::kInt64:
      return 8;
    case DType::kUInt8:
      return 1;
  }
  return 0;
}

// The name that people write and read: "float32", "bfloat16", ...; "invalid" for a value outside the enumeration.
std::string_view DTypeName(DType dtype);

// The inverse of DTypeName; the error lists the names there are.
absl::StatusOr<DType> ParseDType(std::string_view name);

// The DType of a C++ type: kDTypeOf<float> is DType::kFloat32. Other types than these seven do not compile.
template <typename T>
struct DTypeTraits;
template <>
struct DTypeTraits<float> {
  static constexpr DType kDType = DType::kFloat32;
};
template <>
struct DTypeTraits<BFloat16> {
  static constexpr DType kDType = DType::kBFloat16;
};
template <>
struct DTypeTraits<Float16> {
  static constexpr DType kDType = DType::kFloat16;
};
template <>
struct DTypeTraits<double> {
  static constexpr DType kDType = DType::kFloat64;
};
template <>
struct DTypeTraits<int32_t> {
  static constexpr DType kDType = DType::kInt32;
};
template <>
struct DTypeTraits<int64_t> {
  static constexpr DType kDType = DType::kInt64;
};
template <>
struct DTypeTraits<uint8_t> {
  static constexpr DType kDType = DType::kUInt8;
};

template <typename T>
inline constexpr DType kDTypeOf = DTypeTraits<T>::kDType;

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TENSOR_DTYPE_H_
