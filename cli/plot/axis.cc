#include "cli/plot/axis.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/number_text.h"

namespace downpour {
namespace {

constexpr double kWrittenOutMax = 1e9;  // larger ones as 1e+12
constexpr int kDecadesWithinMarks = 3;  // up to here 2 and 5 are marked as well
constexpr int kDecadeMarksMax = 6;

// The first of 1, 2, 5, 10 times a power of ten that is at least `value`.
double RoundStep(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (value <= factor * power * (1 + 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string Label(double value, double step) {
  if (std::abs(value) > kWrittenOutMax || step < 1e-9) return absl::StrFormat("%g", value);
  if (step >= 1) {
    const std::string text = WithThousands(static_cast<uint64_t>(std::llround(std::abs(value))));
    return value < 0 && text != "0" ? "-" + text : text;
  }
  return absl::StrFormat("%.*f", static_cast<int>(-std::floor(std::log10(step) + 1e-9)), value);
}

}  // namespace

double Axis::Position(double value) const {
  if (logarithmic) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

Axis LinearAxis(double low, double high, int ticks_wanted, const std::string& suffix) {
  if (!(high > low)) {
    const double room = low == 0 ? 1 : std::abs(low) / 2;
    low = low > 0 ? low - room : low;
    high += room;
  }
  const double step = RoundStep((high - low) / std::max(ticks_wanted, 1));
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  Axis axis;
  axis.low = first * step;
  axis.high = last * step;
  for (double mark = first; mark <= last; ++mark) {
    // No "-0" where rounding leaves one.
    const double value = mark == 0 ? 0 : mark * step;
    axis.ticks.push_back({value, Label(value, step) + suffix});
  }
  return axis;
}

Axis LogAxis(double low, double high) {
  Axis axis;
  axis.logarithmic = true;
  const double first = std::floor(std::log10(low) + 1e-9), last = std::ceil(std::log10(high) - 1e-9);
  const bool within = last - first <= kDecadesWithinMarks;
  const double stride = within ? 1 : std::ceil((last - first) / kDecadeMarksMax);
  std::vector<double> marks;
  for (double decade = first; decade <= last + stride; decade += stride) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (within || factor == 1) marks.push_back(factor * std::pow(10, decade));
    }
  }
  // From the last mark that is not above `low` to the first that is not below `high`.
  size_t begin = 0, end = marks.size() - 1;
  while (begin + 1 < marks.size() && marks[begin + 1] <= low * (1 + 1e-9)) ++begin;
  while (end > begin + 1 && marks[end - 1] >= high * (1 - 1e-9)) --end;
  for (size_t i = begin; i <= end; ++i) axis.ticks.push_back({marks[i], absl::StrFormat("%g", marks[i])});
  axis.low = marks[begin];
  axis.high = marks[end];
  return axis;
}

}  // namespace downpour
