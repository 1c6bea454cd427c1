#include "cli/status/figure_text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/number_text.h"

namespace downpour {
namespace {

constexpr char kNotKnown[] = "-";

}  // namespace

std::string NumberText(double value) {
  if (std::isnan(value)) return kNotKnown;
  return value == 0 ? "0" : RoundedWithThousands(value);
}

std::string WholeText(double value) {
  if (std::isnan(value)) return kNotKnown;
  return std::abs(value) < 9.95 ? absl::StrFormat("%.0f", value) : RoundedWithThousands(value);
}

std::string ShareText(double share) {
  return std::isnan(share) ? kNotKnown : absl::StrFormat("%.0f%%", std::fmin(100 * share, 9999));
}

std::string MebibyteText(double bytes) { return NumberText(bytes / (1 << 20)); }

std::string MegabyteText(double bytes) { return NumberText(bytes / 1e6); }

std::string SpanText(double seconds) { return std::isnan(seconds) ? kNotKnown : DurationText(seconds); }

std::string ShortSpanText(double seconds) {
  if (std::isnan(seconds)) return kNotKnown;
  if (seconds < 0.0009995) return absl::StrFormat("%.0f us", seconds * 1e6);
  if (seconds < 0.00995) return absl::StrFormat("%.1f ms", seconds * 1e3);
  if (seconds < 0.9995) return absl::StrFormat("%.0f ms", seconds * 1e3);
  return seconds < 99.5 ? absl::StrFormat("%.2f s", seconds) : DurationText(seconds);
}

std::string ScoreText(double value) { return std::isnan(value) ? kNotKnown : absl::StrFormat("%.4g", value); }

}  // namespace downpour
