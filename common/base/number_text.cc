#include "common/base/number_text.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace downpour {
namespace {

constexpr uint64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr double kSecondsMax = 1e15;  // far from where whole seconds end

bool IsSpan(double seconds) { return std::isfinite(seconds) && seconds >= 0; }

uint64_t WholeSeconds(double seconds) { return static_cast<uint64_t>(std::llround(std::min(seconds, kSecondsMax))); }

}  // namespace

std::string WithThousands(uint64_t value) {
  const std::string digits = absl::StrCat(value);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

std::string RoundedWithThousands(double value) {
  if (!std::isfinite(value)) return "?";
  const double size = std::abs(value);
  if (size >= 1e18) return absl::StrFormat("%.3g", value);
  if (size < 9.95) return absl::StrFormat("%.1f", value);
  return absl::StrCat(value < 0 ? "-" : "", WithThousands(static_cast<uint64_t>(std::llround(size))));
}

std::string DurationText(double seconds) {
  if (!IsSpan(seconds)) return "?";
  if (seconds < 9.95) return absl::StrFormat("%.1f s", seconds);
  const uint64_t whole = WholeSeconds(seconds);
  if (whole < kMinute) return absl::StrFormat("%d s", whole);
  if (whole < kHour) return absl::StrFormat("%d min %02d s", whole / kMinute, whole % kMinute);
  if (whole < kDay) return absl::StrFormat("%d h %02d min", whole / kHour, whole % kHour / kMinute);
  return absl::StrFormat("%d d %02d h", whole / kDay, whole % kDay / kHour);
}

std::string ClockText(double seconds) {
  if (!IsSpan(seconds)) return "?";
  const uint64_t whole = WholeSeconds(seconds);
  if (whole < kHour) return absl::StrFormat("%d:%02d", whole / kMinute, whole % kMinute);
  return absl::StrFormat("%d:%02d:%02d", whole / kHour, whole % kHour / kMinute, whole % kMinute);
}

std::string PercentText(double share, int decimals) {
  return std::isfinite(share) ? absl::StrFormat("%.*f %%", decimals, 100 * share) : "?";
}

std::string ByteText(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " B");
  const char* const units[] = {"kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes) / 1000;
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.*f %s", value >= 99.95 ? 0 : 1, value, units[unit]);
}

}  // namespace downpour
