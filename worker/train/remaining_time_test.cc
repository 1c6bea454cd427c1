#include "worker/train/remaining_time.h"

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(RemainingTimeTest, FollowsFromTheStepsAndThePace) {
  RemainingTime time(1000, std::nullopt);
  EXPECT_EQ(time.Seconds(), std::nullopt);
  time.At(100, 10);
  EXPECT_DOUBLE_EQ(*time.Seconds(), 90);
  time.At(200, 20);
  EXPECT_DOUBLE_EQ(*time.Seconds(), 80);
  time.At(1000, 100);
  EXPECT_DOUBLE_EQ(*time.Seconds(), 0);
  time.At(1001, 101);
  EXPECT_DOUBLE_EQ(*time.Seconds(), 0);
}

TEST(RemainingTimeTest, ForgetsASlowStartAndBarelyHeedsOneOddEvent) {
  RemainingTime time(100'000, std::nullopt);
  time.At(1, 60);  // warming up
  for (int second = 61; second <= 240; ++second) time.At((second - 60) * 100, second);
  EXPECT_NEAR(*time.Seconds(), 820, 10);
  time.At(18'050, 241);
  EXPECT_NEAR(*time.Seconds(), 820, 30);
}

TEST(RemainingTimeTest, TheMinutesOfTheBudgetCountWhereTheyEndFirst) {
  RemainingTime time(1000, 60);
  EXPECT_DOUBLE_EQ(*time.Seconds(), 60);
  time.At(100, 10);
  EXPECT_DOUBLE_EQ(*time.Seconds(), 50);
  time.At(900, 11);
  EXPECT_LT(*time.Seconds(), 2);
  RemainingTime neither(std::nullopt, std::nullopt);
  neither.At(100, 10);
  EXPECT_EQ(neither.Seconds(), std::nullopt);
}

TEST(RemainingTimeTest, TimeThatStandsStillOrRunsBackChangesNothing) {
  RemainingTime time(100, std::nullopt);
  time.At(10, 1);
  time.At(20, 1);
  time.At(5, 2);
  EXPECT_DOUBLE_EQ(*time.Seconds(), 9);
}

}  // namespace
}  // namespace downpour
