#ifndef DOWNPOUR_KERNELS_TEST_ARRAYS_H_
#define DOWNPOUR_KERNELS_TEST_ARRAYS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "common/tensor/half.h"
#include "kernels/interface.h"

// Arrays for the kernels' tests: with guard zones that show a write too far, and bytes at any alignment.

namespace downpour::testing {

inline constexpr DType kFloatDTypes[] = {DType::kFloat32, DType::kBFloat16, DType::kFloat16};

// Floats between two guard zones. New ones are full of poison, so that an element nobody wrote shows.
class GuardedFloats {
 public:
  explicit GuardedFloats(size_t count) : count_(count), values_(count + 2 * kGuard, Poison()) {}
  explicit GuardedFloats(const std::vector<float>& values) : GuardedFloats(values.size()) {
    std::copy(values.begin(), values.end(), data());
  }

  float* data() { return values_.data() + kGuard; }
  const float* data() const { return values_.data() + kGuard; }
  size_t size() const { return count_; }
  float operator[](size_t i) const { return data()[i]; }

  bool GuardsAreWhole() const {
    for (size_t i = 0; i < kGuard; ++i) {
      if (!IsPoison(values_[i]) || !IsPoison(values_[kGuard + count_ + i])) return false;
    }
    return true;
  }

  bool IsUntouched() const {
    for (const float value : values_) {
      if (!IsPoison(value)) return false;
    }
    return true;
  }

  // Whether both hold the same bits, guards included.
  friend bool operator==(const GuardedFloats& a, const GuardedFloats& b) {
    return a.count_ == b.count_ && std::memcmp(a.values_.data(), b.values_.data(), a.values_.size() * 4) == 0;
  }

 private:
  static constexpr size_t kGuard = 64;
  static float Poison() { return std::bit_cast<float>(0x7fdeadbfu); }
  static bool IsPoison(float value) { return std::bit_cast<uint32_t>(value) == 0x7fdeadbfu; }

  size_t count_;
  std::vector<float> values_;
};

// Floats as `dtype`, beginning `misalignment` bytes past an aligned address and ending with the allocation, so that the
// address sanitizer sees a read too far.
class PackedFloats {
 public:
  PackedFloats(const std::vector<float>& floats, DType dtype, size_t misalignment)
      : dtype_(dtype), begin_(misalignment), bytes_(misalignment + floats.size() * DTypeSize(dtype)) {
    for (size_t i = 0; i < floats.size(); ++i) Set(i, floats[i]);
  }

  void Set(size_t i, float value) {
    std::byte* const at = bytes_.data() + begin_ + i * DTypeSize(dtype_);
    if (dtype_ == DType::kBFloat16) {
      const BFloat16 half = BFloat16::FromFloat(value);
      std::memcpy(at, &half, sizeof(half));
    } else if (dtype_ == DType::kFloat16) {
      const Float16 half = Float16::FromFloat(value);
      std::memcpy(at, &half, sizeof(half));
    } else {
      std::memcpy(at, &value, sizeof(value));
    }
  }

  const std::byte* data() const { return bytes_.data() + begin_; }
  size_t byte_count() const { return bytes_.size() - begin_; }
  FloatInput input() const { return {data(), dtype_}; }

 private:
  DType dtype_;
  size_t begin_;
  std::vector<std::byte> bytes_;
};

// Floats of a normal distribution, the same for the same seed.
inline std::vector<float> NormalFloats(size_t count, uint32_t seed, float mean = 0, float deviation = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

}  // namespace downpour::testing

#endif  // DOWNPOUR_KERNELS_TEST_ARRAYS_H_
