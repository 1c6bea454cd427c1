// How often an event may be logged.
#ifndef DOWNPOUR_COMMON_BASE_LOG_THROTTLE_H_
#define DOWNPOUR_COMMON_BASE_LOG_THROTTLE_H_

#include <atomic>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace downpour {

// Lets one event through in each period and counts the others; the state behind DP_LOG_EVERY. Any thread may call it.
class LogThrottle {
 public:
  constexpr LogThrottle() = default;

  // Whether to log now: how many events were held back since the last one let through, or kHold. `now` is of a
  // monotonic clock. The first event goes through; with an infinite period it stays the only one.
  static constexpr int64_t kHold = -1;
  int64_t Admit(absl::Duration period, absl::Duration now);

 private:
  std::atomic<int64_t> next_ns_{std::numeric_limits<int64_t>::min()};
  std::atomic<int64_t> held_back_{0};
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_LOG_THROTTLE_H_
