#ifndef DOWNPOUR_COMMON_BASE_STOPWATCH_H_
#define DOWNPOUR_COMMON_BASE_STOPWATCH_H_

#include "absl/time/time.h"
#include "common/base/clock.h"

namespace downpour {

// Adds the seconds of its life to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double* seconds) : seconds_(seconds), start_(SteadyClock::Get().Now()) {}
  ~Stopwatch() { *seconds_ += absl::ToDoubleSeconds(SteadyClock::Get().Now() - start_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double* const seconds_;
  const absl::Duration start_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_STOPWATCH_H_
