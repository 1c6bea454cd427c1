// Range checks of the numbers in a configuration, with messages that say which field, what it is and what it may be.
#ifndef DOWNPOUR_COMMON_CONFIG_FIELD_CHECK_H_
#define DOWNPOUR_COMMON_CONFIG_FIELD_CHECK_H_

#include <cstdint>
#include <limits>
#include <string_view>

#include "absl/status/status.h"

namespace downpour {

struct Interval {
  double low = 0;
  bool low_open = false;
  double high = std::numeric_limits<double>::infinity();
  bool high_open = true;
};

inline constexpr Interval kNonNegative = {};
inline constexpr Interval kPositive = {.low_open = true};
inline constexpr Interval kShareKept = {.high = 1};                                          // [0, 1)
inline constexpr Interval kUnit = {.high = 1, .high_open = false};                           // [0, 1]
inline constexpr Interval kDecayFactor = {.low_open = true, .high = 1, .high_open = false};  // (0, 1]

// INVALID_ARGUMENT unless `value` lies in `interval`, both as it is and rounded to the float32 that the arithmetic uses
// (an eps of 1e-60 is zero there). NaN lies in no interval.
absl::Status CheckField(std::string_view field, double value, const Interval& interval);

// INVALID_ARGUMENT unless `value` is at least `least`.
absl::Status CheckAtLeast(std::string_view field, uint64_t value, uint64_t least);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_CONFIG_FIELD_CHECK_H_
