#include "cli/status/sparkline.h"

#include <algorithm>
#include <cmath>

namespace downpour {
namespace {

// Eighths of a cell.
constexpr int kLevels = 8;
constexpr const char* kBlocks[kLevels + 1] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr const char* kAscii[kLevels + 1] = {" ", ".", ".", ":", ":", "-", "=", "#", "#"};

}  // namespace

std::vector<std::string> Graph(const std::vector<double>& values, size_t columns, size_t rows, bool unicode) {
  std::vector<std::string> lines(rows);
  if (rows == 0) return lines;
  const size_t shown = std::min(values.size(), columns);
  const auto first = values.end() - static_cast<std::ptrdiff_t>(shown);
  double low = 0, high = 0;
  bool any = false;
  for (auto value = first; value != values.end(); ++value) {
    if (!std::isfinite(*value)) continue;
    low = any ? std::min(low, *value) : *value;
    high = any ? std::max(high, *value) : *value;
    any = true;
  }
  const double span = high - low;
  const char* const* const levels = unicode ? kBlocks : kAscii;
  for (size_t row = 0; row < rows; ++row) lines[row] = std::string(columns - shown, ' ');
  for (auto value = first; value != values.end(); ++value) {
    // At least one eighth for each value that there is; a line for values that are all the same.
    int eighths = 0;
    const int full = static_cast<int>(rows) * kLevels;
    if (std::isfinite(*value)) {
      const double share = span > 0 && std::isfinite(span) ? (*value - low) / span : 0.5;
      eighths = std::clamp(1 + static_cast<int>(std::lround(share * (full - 1))), 1, full);
    }
    for (size_t row = 0; row < rows; ++row) {
      const int below = static_cast<int>(rows - 1 - row) * kLevels;
      lines[row] += levels[std::clamp(eighths - below, 0, kLevels)];
    }
  }
  return lines;
}

std::string Bar(double share, size_t columns, bool unicode) {
  if (!(share > 0)) return "";
  const auto cells = static_cast<size_t>(std::lround(std::min(share, 1.0) * static_cast<double>(columns)));
  std::string bar;
  for (size_t i = 0; i < std::max<size_t>(cells, 1); ++i) bar += unicode ? "█" : "#";
  return bar;
}

}  // namespace downpour
