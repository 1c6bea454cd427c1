#include "common/base/clock.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(SteadyClockTest, NeverGoesBackAndMovesOn) {
  const Clock& clock = SteadyClock::Get();
  const absl::Duration start = clock.Now();
  absl::Duration last = start;
  while (last < start + absl::Milliseconds(2)) {
    const absl::Duration now = clock.Now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ManualClockTest, StandsStillUntilTold) {
  ManualClock clock(absl::Seconds(3));
  EXPECT_EQ(clock.Now(), absl::Seconds(3));
  EXPECT_EQ(clock.Now(), absl::Seconds(3));
  clock.Advance(absl::Milliseconds(250));
  EXPECT_EQ(clock.Now(), absl::Milliseconds(3250));
  clock.Set(absl::Seconds(10));
  EXPECT_EQ(clock.Now(), absl::Seconds(10));
}

TEST(ManualClockTest, NeverGoesBack) {
  ManualClock clock(absl::Seconds(3));
  clock.Set(absl::Seconds(2));
  EXPECT_EQ(clock.Now(), absl::Seconds(3));
  clock.Advance(absl::Seconds(-1));
  EXPECT_EQ(clock.Now(), absl::Seconds(3));
}

TEST(ManualClockTest, CountsTheStepsOfEveryThread) {
  ManualClock clock;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&clock] {
      absl::Duration last = clock.Now();
      for (int i = 0; i < 1000; ++i) {
        clock.Advance(absl::Nanoseconds(1));
        const absl::Duration now = clock.Now();
        ASSERT_GT(now, last);
        last = now;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clock.Now(), absl::Nanoseconds(4000));
}

}  // namespace
}  // namespace downpour
