// Time as the parts of Downpour see it: handed in, so that tests and the simulator can drive it.
//
// A clock tells monotonic time since an arbitrary origin, never wall time. Leases, timeouts, staleness and rates need
// only differences, and wall time jumps when somebody or NTP sets it: a worker would be declared dead, or a lease never
// end. Times of two processes are therefore not comparable; wall time appears only where a person reads it, in logs.
#ifndef DOWNPOUR_COMMON_BASE_CLOCK_H_
#define DOWNPOUR_COMMON_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace downpour {

// Implementations may be called from any thread. Later calls never return earlier times.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time since an origin that is fixed for the life of the clock.
  virtual absl::Duration Now() const = 0;
};

// The machine's monotonic clock. Costs some 25 ns to read.
class SteadyClock final : public Clock {
 public:
  // The one instance, which is never destroyed.
  static const SteadyClock& Get();

  absl::Duration Now() const override;

 private:
  SteadyClock() = default;
};

// A clock that stands still until told otherwise. Any thread may call it. Keeps whole nanoseconds.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Duration start = absl::ZeroDuration()) : nanoseconds_(absl::ToInt64Nanoseconds(start)) {}

  absl::Duration Now() const override { return absl::Nanoseconds(nanoseconds_.load(std::memory_order_acquire)); }

  // Moves on by `step`; a negative step changes nothing.
  void Advance(absl::Duration step);

  // Moves on to `now`; a time before the present one changes nothing.
  void Set(absl::Duration now);

 private:
  std::atomic<int64_t> nanoseconds_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_CLOCK_H_
