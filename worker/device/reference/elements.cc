#include "worker/device/reference/elements.h"

#include <algorithm>
#include <cstddef>

#include "common/tensor/half.h"

namespace downpour::reference {

std::vector<double> LoadElements(DType dtype, const void* data, int64_t count) {
  const auto size = static_cast<size_t>(count);
  if (dtype == DType::kFloat64) {
    const auto* const values = static_cast<const double*>(data);
    return {values, values + size};
  }
  if (dtype == DType::kFloat32) {
    const auto* const values = static_cast<const float*>(data);
    return {values, values + size};
  }
  std::vector<double> values(size);
  for (size_t i = 0; i < size; ++i) values[i] = static_cast<const BFloat16*>(data)[i].ToFloat();
  return values;
}

void StoreElements(DType dtype, std::span<const double> values, void* data) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::kFloat64) {
      static_cast<double*>(data)[i] = values[i];
    } else if (dtype == DType::kFloat32) {
      static_cast<float*>(data)[i] = static_cast<float>(values[i]);
    } else {
      static_cast<BFloat16*>(data)[i] = BFloat16::FromFloat(static_cast<float>(values[i]));
    }
  }
}

}  // namespace downpour::reference
