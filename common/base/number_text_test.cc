#include "common/base/number_text.h"

#include <cmath>
#include <cstdint>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(NumberTextTest, SeparatesThousands) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1000), "1,000");
  EXPECT_EQ(WithThousands(123456), "123,456");
  EXPECT_EQ(WithThousands(UINT64_MAX), "18,446,744,073,709,551,615");
}

TEST(NumberTextTest, RoundsByTheSizeOfTheNumber) {
  EXPECT_EQ(RoundedWithThousands(0.04), "0.0");
  EXPECT_EQ(RoundedWithThousands(9.94), "9.9");
  EXPECT_EQ(RoundedWithThousands(9.96), "10");
  EXPECT_EQ(RoundedWithThousands(12345.6), "12,346");
  EXPECT_EQ(RoundedWithThousands(-12345.6), "-12,346");
  EXPECT_EQ(RoundedWithThousands(1e30), "1e+30");
  EXPECT_EQ(RoundedWithThousands(std::nan("")), "?");
}

TEST(NumberTextTest, TellsDurationsInTwoUnitsAtMost) {
  EXPECT_EQ(DurationText(0.44), "0.4 s");
  EXPECT_EQ(DurationText(9.96), "10 s");
  EXPECT_EQ(DurationText(59.6), "1 min 00 s");
  EXPECT_EQ(DurationText(112), "1 min 52 s");
  EXPECT_EQ(DurationText(7380), "2 h 03 min");
  EXPECT_EQ(DurationText(3 * 86400 + 4 * 3600), "3 d 04 h");
  EXPECT_EQ(DurationText(-1), "?");
  EXPECT_EQ(DurationText(INFINITY), "?");
  EXPECT_EQ(DurationText(1e300), "11574074074 d 01 h");
}

TEST(NumberTextTest, TellsDurationsAsAClockDoes) {
  EXPECT_EQ(ClockText(0), "0:00");
  EXPECT_EQ(ClockText(725), "12:05");
  EXPECT_EQ(ClockText(3723), "1:02:03");
  EXPECT_EQ(ClockText(NAN), "?");
}

TEST(NumberTextTest, TellsSharesAndBytes) {
  EXPECT_EQ(PercentText(0.9214, 2), "92.14 %");
  EXPECT_EQ(PercentText(NAN, 2), "?");
  EXPECT_EQ(ByteText(742), "742 B");
  EXPECT_EQ(ByteText(29515), "29.5 kB");
  EXPECT_EQ(ByteText(999'700), "1.0 MB");
  EXPECT_EQ(ByteText(170'052'171), "170 MB");
}

}  // namespace
}  // namespace downpour
