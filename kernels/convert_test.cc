#include <bit>
#include <cstring>
#include <random>
#include <vector>

#include "common/tensor/half.h"
#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "kernels/test_arrays.h"

namespace downpour {
namespace {

using testing::GuardedFloats;

constexpr size_t kPatterns = 1 << 16;

// All bit patterns of 16 bits, one byte past an aligned address.
std::vector<std::byte> AllPatterns() {
  std::vector<std::byte> bytes(1 + 2 * kPatterns);
  for (size_t i = 0; i < kPatterns; ++i) {
    const auto pattern = static_cast<uint16_t>(i);
    std::memcpy(bytes.data() + 1 + 2 * i, &pattern, 2);
  }
  return bytes;
}

template <typename Half>
void ExpectEveryPatternToWiden(DType dtype) {
  const std::vector<std::byte> bytes = AllPatterns();
  for (const Kernels* kernels : AllSupportedKernels()) {
    std::vector<float> floats(kPatterns);
    kernels->ToFloat(bytes.data() + 1, dtype, floats.data(), kPatterns);
    for (size_t i = 0; i < kPatterns; ++i) {
      const float expected = Half{static_cast<uint16_t>(i)}.ToFloat();
      ASSERT_EQ(std::bit_cast<uint32_t>(floats[i]), std::bit_cast<uint32_t>(expected)) << kernels->Name() << ' ' << i;
    }
  }
}

// Floats around everything that rounding can trip over: each upper half with lower halves at and beside the ties of
// both formats; and random patterns.
std::vector<float> FloatsToNarrow() {
  std::vector<float> floats;
  for (uint32_t upper = 0; upper < kPatterns; ++upper) {
    for (const uint32_t lower : {0x0000u, 0x0001u, 0x0fffu, 0x1000u, 0x1001u, 0x2fffu, 0x3000u, 0x3001u, 0x7fffu,
                                 0x8000u, 0x8001u, 0xefffu, 0xf000u, 0xffffu}) {
      floats.push_back(std::bit_cast<float>(upper << 16 | lower));
    }
  }
  std::mt19937 generator(7);
  for (int i = 0; i < 1000003; ++i) floats.push_back(std::bit_cast<float>(static_cast<uint32_t>(generator())));
  return floats;
}

template <typename Half>
void ExpectEveryFloatToNarrow(DType dtype) {
  const std::vector<float> floats = FloatsToNarrow();
  for (const Kernels* kernels : AllSupportedKernels()) {
    std::vector<std::byte> bytes(1 + 2 * floats.size());
    kernels->FromFloat(floats.data(), dtype, bytes.data() + 1, floats.size());
    for (size_t i = 0; i < floats.size(); ++i) {
      uint16_t bits;
      std::memcpy(&bits, bytes.data() + 1 + 2 * i, 2);
      ASSERT_EQ(bits, Half::FromFloat(floats[i]).bits)
          << kernels->Name() << " from " << std::hex << std::bit_cast<uint32_t>(floats[i]);
    }
  }
}

TEST(ConvertTest, WidensEveryBFloat16) { ExpectEveryPatternToWiden<BFloat16>(DType::kBFloat16); }
TEST(ConvertTest, WidensEveryFloat16) { ExpectEveryPatternToWiden<Float16>(DType::kFloat16); }
TEST(ConvertTest, RoundsToBFloat16AsTheScalarConversion) { ExpectEveryFloatToNarrow<BFloat16>(DType::kBFloat16); }
TEST(ConvertTest, RoundsToFloat16AsTheScalarConversion) { ExpectEveryFloatToNarrow<Float16>(DType::kFloat16); }

TEST(ConvertTest, WritesNothingBeyondTheCount) {
  for (const Kernels* kernels : AllSupportedKernels()) {
    for (const DType dtype : testing::kFloatDTypes) {
      const size_t size = DTypeSize(dtype);
      for (size_t count = 0; count <= 130; ++count) {
        const std::vector<float> floats(count, 1.5f);
        std::vector<std::byte> bytes(3 + count * size + 64, std::byte{0xaa});
        kernels->FromFloat(floats.data(), dtype, bytes.data() + 3, count);
        for (size_t i = 0; i < 3; ++i) ASSERT_EQ(bytes[i], std::byte{0xaa});
        for (size_t i = 3 + count * size; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], std::byte{0xaa}) << count;

        GuardedFloats back(count);
        const std::vector<std::byte> packed(bytes.begin() + 3, bytes.begin() + 3 + count * size);
        kernels->ToFloat(packed.data(), dtype, back.data(), count);
        ASSERT_TRUE(back == GuardedFloats(floats)) << kernels->Name() << ' ' << DTypeName(dtype) << ' ' << count;
      }
    }
  }
}

}  // namespace
}  // namespace downpour
