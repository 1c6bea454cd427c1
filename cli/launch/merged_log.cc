#include "cli/launch/merged_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

// Foregrounds that are read on black and on white: cyan, green, magenta, yellow, blue, and their bright ones.
constexpr int kColours[] = {36, 32, 35, 33, 34, 96, 92, 95, 93, 94};

}  // namespace

MergedLog::MergedLog(std::vector<std::string> names, bool in_colours, std::function<void(std::string_view)> write)
    : write_(std::move(write)), sources_(names.size()) {
  size_t width = 0;
  for (const std::string& name : names) width = std::max(width, name.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string prefix = names[i] + std::string(width - names[i].size(), ' ') + " | ";
    sources_[i].prefix =
        in_colours ? absl::StrCat("\x1b[", kColours[i % std::size(kColours)], "m", prefix, "\x1b[0m") : prefix;
  }
}

void MergedLog::Append(size_t source, std::string_view bytes) {
  Source& from = sources_[source];
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const size_t room = kLineMax - from.unfinished.size();
    const size_t taken = std::min({end, bytes.size(), room});
    from.unfinished.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    const bool line_ends = !bytes.empty() && bytes[0] == '\n';
    if (line_ends) bytes.remove_prefix(1);
    if (line_ends || from.unfinished.size() == kLineMax) Line(from, std::exchange(from.unfinished, ""));
  }
}

void MergedLog::End(size_t source) {
  Source& from = sources_[source];
  if (!from.unfinished.empty()) Line(from, std::exchange(from.unfinished, ""));
}

void MergedLog::Line(Source& source, std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  // What was drawn over on a terminal is only what was drawn last.
  if (const size_t drawn = line.rfind('\r'); drawn != std::string_view::npos) line.remove_prefix(drawn + 1);
  write_(absl::StrCat(source.prefix, ToAbsl(line), "\n"));
  if (line.empty()) return;
  source.last.emplace_back(line);
  if (source.last.size() > kLastLines) source.last.pop_front();
}

std::vector<std::string> MergedLog::LastLines(size_t source) const {
  return {sources_[source].last.begin(), sources_[source].last.end()};
}

}  // namespace downpour
