#include "common/base/clock.h"

#include <chrono>

namespace downpour {

const SteadyClock& SteadyClock::Get() {
  static const SteadyClock* const clock = new SteadyClock();
  return *clock;
}

absl::Duration SteadyClock::Now() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

void ManualClock::Advance(absl::Duration step) {
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(step);
  if (nanoseconds > 0) nanoseconds_.fetch_add(nanoseconds, std::memory_order_acq_rel);
}

void ManualClock::Set(absl::Duration now) {
  const int64_t wanted = absl::ToInt64Nanoseconds(now);
  int64_t present = nanoseconds_.load(std::memory_order_acquire);
  while (present < wanted && !nanoseconds_.compare_exchange_weak(present, wanted, std::memory_order_acq_rel)) {
  }
}

}  // namespace downpour
