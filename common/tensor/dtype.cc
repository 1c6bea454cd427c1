#include "common/tensor/dtype.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {

std::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "float32";
    case DType::kBFloat16:
      return "bfloat16";
    case DType::kFloat16:
      return "float16";
    case DType::kFloat64:
      return "float64";
    case DType::kInt32:
      return "int32";
    case DType::kInt64:
      return "int64";
    case DType::kUInt8:
      return "uint8";
  }
  return "invalid";
}

absl::StatusOr<DType> ParseDType(std::string_view name) {
  std::string known;
  for (const DType dtype : kAllDTypes) {
    if (DTypeName(dtype) == name) return dtype;
    absl::StrAppend(&known, known.empty() ? "" : ", ", ToAbsl(DTypeName(dtype)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no element type \"", ToAbsl(name), "\"; use one of ", known));
}

}  // namespace downpour
