#include "cli/download_line.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/number_text.h"

namespace downpour {
namespace {

constexpr size_t kBarMin = 6, kBarMax = 30;

}  // namespace

std::string DownloadLine(std::string_view name, uint64_t bytes, uint64_t all, double rate, int columns) {
  const size_t room = static_cast<size_t>(std::max(columns - 1, 1));
  const double share = all > 0 ? std::min(static_cast<double>(bytes) / static_cast<double>(all), 1.0) : 0;
  std::string end = all > 0 ? absl::StrCat("  ", PercentText(share, 0), "  ", ByteText(bytes), " of ", ByteText(all))
                            : absl::StrCat("  ", ByteText(bytes));
  if (rate > 0) absl::StrAppend(&end, "  ", ByteText(static_cast<uint64_t>(std::min(rate, 1e18))), "/s");
  if (rate > 0 && all > bytes) {
    absl::StrAppend(&end, "  ", ClockText(static_cast<double>(all - bytes) / rate), " left");
  }
  std::string line(name);
  const size_t around = line.size() + end.size() + 4;  // with the spaces and brackets of a bar
  if (all > 0 && around + kBarMin <= room) {
    const size_t length = std::min(room - around, kBarMax);
    const size_t done = static_cast<size_t>(share * static_cast<double>(length));
    absl::StrAppend(&line, "  [", std::string(done, '#'), std::string(length - done, '-'), "]");
  }
  return absl::StrCat(line, end).substr(0, room);
}

}  // namespace downpour
