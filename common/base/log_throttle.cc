#include "common/base/log_throttle.h"

namespace downpour {

int64_t LogThrottle::Admit(absl::Duration period, absl::Duration now) {
  const int64_t now_ns = absl::ToInt64Nanoseconds(now);
  int64_t next_ns = next_ns_.load(std::memory_order_relaxed);
  // Of threads that come at once, the one whose exchange succeeds logs. Durations saturate instead of overflowing.
  if (now_ns < next_ns ||
      !next_ns_.compare_exchange_strong(next_ns, absl::ToInt64Nanoseconds(now + period), std::memory_order_relaxed)) {
    held_back_.fetch_add(1, std::memory_order_relaxed);
    return kHold;
  }
  return held_back_.exchange(0, std::memory_order_relaxed);
}

}  // namespace downpour
