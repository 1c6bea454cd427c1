#include "common/tensor/half.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "common/base/philox.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

struct Format {
  int exponent_bits;
  int mantissa_bits;
};

template <typename T>
constexpr Format kFormat{};
template <>
constexpr Format kFormat<BFloat16>{8, 7};
template <>
constexpr Format kFormat<Float16>{5, 10};

// What the bits mean by the book, in double: no trick shared with the code under test.
double Meaning(uint16_t bits, Format format) {
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const int exponent = bits >> format.mantissa_bits & ((1 << format.exponent_bits) - 1);
  const int mantissa = bits & ((1 << format.mantissa_bits) - 1);
  const double sign = bits & 0x8000 ? -1.0 : 1.0;
  if (exponent == (1 << format.exponent_bits) - 1) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - format.mantissa_bits);
  return sign * std::ldexp(mantissa + (1 << format.mantissa_bits), exponent - bias - format.mantissa_bits);
}

// Rounds in double by looking at both neighbours; infinity counts as the next power of two.
uint16_t Nearest(float value, Format format) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(double{value});
  const uint16_t infinity = ((1 << format.exponent_bits) - 1) << format.mantissa_bits;
  if (std::isinf(value)) return sign | infinity;
  // Positive patterns are in the order of their values: the last one that is not above the magnitude.
  uint16_t below = 0;
  for (uint16_t step = 0x4000; step != 0; step >>= 1) {
    const uint16_t candidate = below | step;
    if (candidate < infinity && Meaning(candidate, format) <= magnitude) below = candidate;
  }
  const uint16_t above = below + 1;
  const double upper = above == infinity ? std::ldexp(1.0, 1 << (format.exponent_bits - 1)) : Meaning(above, format);
  const double to_below = magnitude - Meaning(below, format);
  const double to_above = upper - magnitude;
  const bool up = to_above < to_below || (to_above == to_below && (above & 1) == 0);
  return sign | (up ? above : below);
}

template <typename T>
class HalfTest : public testing::Test {
 protected:
  static void ExpectRounds(float value) {
    ASSERT_EQ(T::FromFloat(value).bits, Nearest(value, kFormat<T>)) << std::hexfloat << value;
  }
};

using Formats = testing::Types<BFloat16, Float16>;
TYPED_TEST_SUITE(HalfTest, Formats);

TYPED_TEST(HalfTest, IsPlainStorage) {
  static_assert(std::is_trivial_v<TypeParam> && sizeof(TypeParam) == 2);
  static_assert(TypeParam::FromFloat(1.5f).ToFloat() == 1.5f);
}

TYPED_TEST(HalfTest, EveryPatternMeansWhatTheFormatSays) {
  for (uint32_t pattern = 0; pattern < 65536; ++pattern) {
    const TypeParam half{static_cast<uint16_t>(pattern)};
    const double meaning = Meaning(half.bits, kFormat<TypeParam>);
    if (std::isnan(meaning)) {
      ASSERT_TRUE(std::isnan(half.ToFloat())) << pattern;
    } else {
      ASSERT_EQ(double{half.ToFloat()}, meaning) << pattern;
    }
    ASSERT_EQ(std::signbit(half.ToFloat()), pattern >= 0x8000) << pattern;
  }
}

TYPED_TEST(HalfTest, EveryPatternSurvivesARoundTripAndNansComeBackQuiet) {
  const uint32_t quiet_bit = uint32_t{1} << (kFormat<TypeParam>.mantissa_bits - 1);
  for (uint32_t pattern = 0; pattern < 65536; ++pattern) {
    const TypeParam half{static_cast<uint16_t>(pattern)};
    const bool is_nan = std::isnan(Meaning(half.bits, kFormat<TypeParam>));
    ASSERT_EQ(TypeParam::FromFloat(half.ToFloat()).bits, is_nan ? pattern | quiet_bit : pattern);
  }
}

TYPED_TEST(HalfTest, RoundsTiesAndTheirNeighboursLikeTheReference) {
  for (uint32_t pattern = 0; pattern < 65535; ++pattern) {
    const double low = Meaning(pattern, kFormat<TypeParam>);
    const double high = Meaning(pattern + 1, kFormat<TypeParam>);
    if (!std::isfinite(low) || !std::isfinite(high)) continue;
    const float tie = static_cast<float>((low + high) / 2);
    this->ExpectRounds(tie);
    this->ExpectRounds(std::nextafter(tie, -std::numeric_limits<float>::infinity()));
    this->ExpectRounds(std::nextafter(tie, std::numeric_limits<float>::infinity()));
  }
}

TYPED_TEST(HalfTest, RoundsRandomFloatsLikeTheReference) {
  PhiloxStream random(1);
  for (int i = 0; i < 300000; ++i) {
    const float value = std::bit_cast<float>(random.Next32());
    if (!std::isnan(value)) this->ExpectRounds(value);
  }
}

TYPED_TEST(HalfTest, RoundsRandomFloatsOfItsOwnRangeLikeTheReference) {
  PhiloxStream random(2);
  for (int i = 0; i < 300000; ++i) {
    const float value = std::ldexp(random.UniformFloat() - 0.5f, 18 - random.UniformInt(48));
    this->ExpectRounds(value);
  }
}

TYPED_TEST(HalfTest, EveryNanStaysAQuietNanOfTheSameSign) {
  PhiloxStream random(3);
  for (int i = 0; i < 100000; ++i) {
    // The lowest payload bits alone too: cutting them off must not make an infinity.
    const uint32_t payload = std::max<uint32_t>(1, random.Next32() & 0x7fffff & (i % 2 ? 0xff : ~0u));
    const uint32_t sign = random.Next32() & 0x80000000;
    const TypeParam half = TypeParam::FromFloat(std::bit_cast<float>(sign | 0x7f800000 | payload));
    ASSERT_TRUE(std::isnan(Meaning(half.bits, kFormat<TypeParam>)));
    ASSERT_NE(half.bits >> (kFormat<TypeParam>.mantissa_bits - 1) & 1, 0);
    ASSERT_EQ(half.bits >> 15, sign >> 31);
  }
}

TEST(BFloat16Test, KnownValues) {
  EXPECT_EQ(BFloat16::FromFloat(1.0f).bits, 0x3f80);
  EXPECT_EQ(BFloat16::FromFloat(-2.0f).bits, 0xc000);
  EXPECT_EQ(BFloat16::FromFloat(3.14159265f).bits, 0x4049);
  EXPECT_EQ(BFloat16::FromFloat(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(BFloat16::FromFloat(std::numeric_limits<float>::denorm_min()).bits, 0x0000);
}

TEST(Float16Test, KnownValues) {
  EXPECT_EQ(Float16::FromFloat(1.0f).bits, 0x3c00);
  EXPECT_EQ(Float16::FromFloat(-2.0f).bits, 0xc000);
  EXPECT_EQ(Float16::FromFloat(65504.0f).bits, 0x7bff);
  EXPECT_EQ(Float16::FromFloat(65519.996f).bits, 0x7bff);
  EXPECT_EQ(Float16::FromFloat(65520.0f).bits, 0x7c00);
  EXPECT_EQ(Float16::FromFloat(0x1p-24f).bits, 0x0001);
  EXPECT_EQ(Float16::FromFloat(0x1p-25f).bits, 0x0000);
  EXPECT_EQ(Float16::FromFloat(0x1.000002p-25f).bits, 0x0001);
}

TEST(HalfEqualityTest, ComparesBits) {
  EXPECT_FALSE(BFloat16{0x0000} == BFloat16{0x8000});
  EXPECT_TRUE(Float16{0x7e00} == Float16{0x7e00});
}

}  // namespace
}  // namespace downpour
