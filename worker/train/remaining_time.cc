#include "worker/train/remaining_time.h"

#include <algorithm>
#include <cmath>

namespace downpour {
namespace {

constexpr double kMemorySeconds = 30;

}  // namespace

void RemainingTime::At(uint64_t step, double seconds) {
  if (step < step_ || !(seconds > seconds_)) return;
  const double passed = seconds - seconds_;
  const double kept = std::exp(-passed / kMemorySeconds);
  recent_steps_ = recent_steps_ * kept + static_cast<double>(step - step_);
  recent_seconds_ = recent_seconds_ * kept + passed;
  step_ = step;
  seconds_ = seconds;
}

std::optional<double> RemainingTime::Seconds() const {
  std::optional<double> remaining;
  if (steps_.has_value() && recent_steps_ > 0) {
    const double left = *steps_ > step_ ? static_cast<double>(*steps_ - step_) : 0;
    remaining = left * recent_seconds_ / recent_steps_;
  }
  if (seconds_allowed_.has_value()) {
    const double left = std::max(*seconds_allowed_ - seconds_, 0.0);
    remaining = std::min(remaining.value_or(left), left);
  }
  return remaining;
}

}  // namespace downpour
