#include "common/rpc/backoff.h"

#include "gtest/gtest.h"

namespace downpour {
namespace {

BackoffOptions Options(double jitter) { return {absl::Milliseconds(10), absl::Milliseconds(50), /*growth=*/2, jitter}; }

TEST(BackoffTest, WaitsGrowUpToTheLongestAndStartAgainAfterASuccess) {
  Backoff backoff(Options(0), 1, 0);
  for (const int expected : {10, 20, 40, 50, 50}) EXPECT_EQ(backoff.Next(), absl::Milliseconds(expected));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(10));
}

TEST(BackoffTest, JitterKeepsWithinItsRangeAndDiffersBetweenStreams) {
  bool differ = false;
  Backoff one(Options(0.3), 7, 0);
  Backoff other(Options(0.3), 7, 1);
  for (int i = 0; i < 100; ++i) {
    one.Reset();
    other.Reset();
    const absl::Duration wait = one.Next();
    EXPECT_GE(wait, absl::Milliseconds(7));
    EXPECT_LE(wait, absl::Milliseconds(13));
    differ |= wait != other.Next();
  }
  EXPECT_TRUE(differ);
}

TEST(BackoffTest, TheSameSeedAndStreamGiveTheSameWaits) {
  Backoff one(Options(0.3), 7, 3);
  Backoff other(Options(0.3), 7, 3);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(one.Next(), other.Next());
}

}  // namespace
}  // namespace downpour
