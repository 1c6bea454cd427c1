#include "common/base/log_throttle.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(LogThrottleTest, LetsOneThroughInEachPeriodAndCountsTheOthers) {
  LogThrottle throttle;
  const absl::Duration start = absl::Hours(5);
  EXPECT_EQ(throttle.Admit(absl::Seconds(10), start), 0);
  EXPECT_EQ(throttle.Admit(absl::Seconds(10), start), LogThrottle::kHold);
  EXPECT_EQ(throttle.Admit(absl::Seconds(10), start + absl::Milliseconds(9999)), LogThrottle::kHold);
  EXPECT_EQ(throttle.Admit(absl::Seconds(10), start + absl::Seconds(10)), 2);
  EXPECT_EQ(throttle.Admit(absl::Seconds(10), start + absl::Seconds(25)), 0);
}

TEST(LogThrottleTest, AnInfinitePeriodLetsOneThroughForEver) {
  LogThrottle throttle;
  EXPECT_EQ(throttle.Admit(absl::InfiniteDuration(), absl::Seconds(1)), 0);
  EXPECT_EQ(throttle.Admit(absl::InfiniteDuration(), absl::Hours(24 * 365 * 100)), LogThrottle::kHold);
}

TEST(LogThrottleTest, AZeroPeriodLetsAllThrough) {
  LogThrottle throttle;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(throttle.Admit(absl::ZeroDuration(), absl::Seconds(1)), 0);
}

TEST(LogThrottleTest, ThreadsLoseNoEvent) {
  LogThrottle throttle;
  std::atomic<int64_t> counted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        const int64_t held_back = throttle.Admit(absl::Nanoseconds(50), absl::Nanoseconds(i));
        if (held_back != LogThrottle::kHold) counted += held_back + 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const int64_t rest = throttle.Admit(absl::ZeroDuration(), absl::Seconds(1));
  EXPECT_EQ(counted + rest, 4000);
}

}  // namespace
}  // namespace downpour
