#include "cli/plot/axis.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Labels(const Axis& axis) {
  std::vector<std::string> labels;
  for (const Tick& tick : axis.ticks) labels.push_back(tick.label);
  return labels;
}

TEST(AxisTest, MarksRoundNumbers) {
  EXPECT_THAT(Labels(LinearAxis(0, 9380, 5)), ElementsAre("0", "2,000", "4,000", "6,000", "8,000", "10,000"));
  EXPECT_THAT(Labels(LinearAxis(0, 2.35, 6)), ElementsAre("0.0", "0.5", "1.0", "1.5", "2.0", "2.5"));
  EXPECT_THAT(Labels(LinearAxis(84.2, 92.4, 6, " %")), ElementsAre("84 %", "86 %", "88 %", "90 %", "92 %", "94 %"));
  EXPECT_THAT(Labels(LinearAxis(-0.02, 0.013, 4)), ElementsAre("-0.02", "-0.01", "0.00", "0.01", "0.02"));
  EXPECT_THAT(Labels(LinearAxis(0, 1e12, 2)), ElementsAre("0", "5e+11", "1e+12"));
}

TEST(AxisTest, ARangeOfOneValueGetsRoom) {
  const Axis axis = LinearAxis(0.5, 0.5, 4);
  EXPECT_LT(axis.low, 0.5);
  EXPECT_GT(axis.high, 0.5);
  EXPECT_THAT(Labels(LinearAxis(0, 0, 2)), ElementsAre("0.0", "0.5", "1.0"));
  EXPECT_LT(LinearAxis(-3, -3, 2).low, LinearAxis(-3, -3, 2).high);
}

TEST(AxisTest, MarksOrdersOfMagnitude) {
  const Axis axis = LogAxis(0.03, 2.3);
  EXPECT_TRUE(axis.logarithmic);
  EXPECT_THAT(Labels(axis), ElementsAre("0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5"));
  EXPECT_DOUBLE_EQ(axis.Position(0.02), 0);
  EXPECT_DOUBLE_EQ(axis.Position(5), 1);
  EXPECT_NEAR(axis.Position(0.1), 0.2915, 1e-4);
  EXPECT_THAT(Labels(LogAxis(2e-5, 1e3)), ElementsAre("1e-05", "0.001", "0.1", "10", "1000"));
  EXPECT_LE(LogAxis(1e-30, 1e30).ticks.size(), 8u);
  EXPECT_GT(LogAxis(1, 1).high, LogAxis(1, 1).low);
}

}  // namespace
}  // namespace downpour
