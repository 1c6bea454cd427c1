#include "common/config/field_check.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

bool Contains(const Interval& interval, double value) {
  const bool above = interval.low_open ? value > interval.low : value >= interval.low;
  const bool below = interval.high_open ? value < interval.high : value <= interval.high;
  return above && below;
}

double RoundedToFloat(double value) {
  if (std::fabs(value) > std::numeric_limits<float>::max()) return std::copysign(INFINITY, value);
  return static_cast<float>(value);
}

// The shortest digits that mean this very number, so that 0.9999999999 is not shown as 1.
std::string Shortest(double value) {
  char digits[32];
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), value);
  return error == std::errc() ? std::string(digits, end) : "out of range";
}

}  // namespace

absl::Status CheckField(std::string_view field, double value, const Interval& interval) {
  const bool fits = Contains(interval, value);
  if (fits && Contains(interval, RoundedToFloat(value))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(field), " is ", Shortest(value), "; it must be in ",
                                                 interval.low_open ? "(" : "[", interval.low, ", ", interval.high,
                                                 interval.high_open ? ")" : "]", fits ? " as a float32" : ""));
}

absl::Status CheckAtLeast(std::string_view field, uint64_t value, uint64_t least) {
  if (value >= least) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(field), " is ", value, "; it must be at least ", least));
}

}  // namespace downpour
