#include "worker/device/number_bytes.h"

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "common/tensor/half.h"

namespace downpour::testing {
namespace {

template <typename T>
T Narrowed(double number) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16::FromFloat(static_cast<float>(number));
  } else {
    return static_cast<T>(number);
  }
}

template <typename T>
double Widened(T element) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return element.ToFloat();
  } else {
    return static_cast<double>(element);
  }
}

template <typename T>
std::vector<std::byte> Encode(const std::vector<double>& numbers) {
  std::vector<std::byte> bytes(numbers.size() * sizeof(T));
  for (size_t i = 0; i < numbers.size(); ++i) {
    const T element = Narrowed<T>(numbers[i]);
    std::memcpy(&bytes[i * sizeof(T)], &element, sizeof(T));
  }
  return bytes;
}

template <typename T>
std::vector<double> Decode(const std::vector<std::byte>& bytes) {
  std::vector<double> numbers(bytes.size() / sizeof(T));
  for (size_t i = 0; i < numbers.size(); ++i) {
    T element;
    std::memcpy(&element, &bytes[i * sizeof(T)], sizeof(T));
    numbers[i] = Widened(element);
  }
  return numbers;
}

}  // namespace

std::vector<std::byte> ToBytes(DType dtype, const std::vector<double>& numbers) {
  if (dtype == DType::kFloat64) return Encode<double>(numbers);
  if (dtype == DType::kBFloat16) return Encode<BFloat16>(numbers);
  return dtype == DType::kInt32 ? Encode<int32_t>(numbers) : Encode<float>(numbers);
}

std::vector<double> FromBytes(DType dtype, const std::vector<std::byte>& bytes) {
  if (dtype == DType::kFloat64) return Decode<double>(bytes);
  if (dtype == DType::kBFloat16) return Decode<BFloat16>(bytes);
  return dtype == DType::kInt32 ? Decode<int32_t>(bytes) : Decode<float>(bytes);
}

}  // namespace downpour::testing
