#include <cstring>

#include "common/tensor/half.h"
#include "kernels/reference/reference_kernels.h"

namespace downpour::reference {
namespace {

template <typename T>
T Load(const std::byte* values, size_t index) {
  T value;
  std::memcpy(&value, values + index * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
void Store(T value, std::byte* values, size_t index) {
  std::memcpy(values + index * sizeof(T), &value, sizeof(T));
}

}  // namespace

void ToFloat(const FloatInput& input, float* floats, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (input.dtype == DType::kBFloat16) {
      floats[i] = Load<BFloat16>(input.values, i).ToFloat();
    } else if (input.dtype == DType::kFloat16) {
      floats[i] = Load<Float16>(input.values, i).ToFloat();
    } else {
      floats[i] = Load<float>(input.values, i);
    }
  }
}

void FromFloat(const float* floats, DType dtype, std::byte* values, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (dtype == DType::kBFloat16) {
      Store(BFloat16::FromFloat(floats[i]), values, i);
    } else if (dtype == DType::kFloat16) {
      Store(Float16::FromFloat(floats[i]), values, i);
    } else {
      Store(floats[i], values, i);
    }
  }
}

double LoadElement(const FloatInput& input, size_t index) {
  float value;
  ToFloat({input.values + index * DTypeSize(input.dtype), input.dtype}, &value, 1);
  return value;
}

}  // namespace downpour::reference
