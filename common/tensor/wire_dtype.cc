#include "common/tensor/wire_dtype.h"

#include <optional>

#include "common/tensor/dtype.h"
#include "proto/tensor.pb.h"

namespace downpour {

std::optional<DType> FromWireDType(DataType dtype) {
  for (const DType known : kAllDTypes) {
    if (ToWireDType(known) == dtype) return known;
  }
  return std::nullopt;
}

DataType ToWireDType(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return FLOAT32;
    case DType::kBFloat16:
      return BFLOAT16;
    case DType::kFloat16:
      return FLOAT16;
    case DType::kFloat64:
      return FLOAT64;
    case DType::kInt32:
      return INT32;
    case DType::kInt64:
      return INT64;
    case DType::kUInt8:
      return UINT8;
  }
  return DATA_TYPE_UNSPECIFIED;
}

}  // namespace downpour
