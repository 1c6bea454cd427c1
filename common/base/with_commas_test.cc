#include "common/base/with_commas.h"

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(WithCommasTest, AreBetweenGroupsOfThreeDigits) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(123456), "123,456");
  EXPECT_EQ(WithCommas(1234567), "1,234,567");
  EXPECT_EQ(WithCommas(~uint64_t{0}), "18,446,744,073,709,551,615");
}

}  // namespace
}  // namespace downpour
