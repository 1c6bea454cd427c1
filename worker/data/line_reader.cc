#include "worker/data/line_reader.h"

#include <algorithm>
#include <cstring>

#include "common/base/status.h"

namespace downpour {

constexpr size_t kBlockBytes = size_t{1} << 18;

absl::StatusOr<bool> LineReader::Fill() {
  if (begin_ < end_) return true;
  block_.resize(kBlockBytes);
  begin_ = 0;
  DP_ASSIGN_OR_RETURN(end_, file_.Read(block_));
  return end_ > 0;
}

void LineReader::Append(std::string_view piece) {
  const size_t room = kLineBytesMax + 1 - text_.size();  // one more, for the \r of a line of full length
  if (piece.size() > room) too_long_ = true;
  text_.append(piece.substr(0, room));
}

absl::StatusOr<bool> LineReader::Next(Line* line) {
  text_.clear();
  too_long_ = false;
  bool any = false;
  for (bool ended = false; !ended;) {
    DP_ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) break;
    any = true;
    const char* const from = reinterpret_cast<const char*>(block_.data()) + begin_;
    const void* const newline = std::memchr(from, '\n', end_ - begin_);
    ended = newline != nullptr;
    const size_t size = ended ? static_cast<size_t>(static_cast<const char*>(newline) - from) : end_ - begin_;
    Append({from, size});
    begin_ += size + (ended ? 1 : 0);
  }
  if (!any) return false;
  std::string_view text = text_;
  if (!too_long_ && text.ends_with('\r')) text.remove_suffix(1);
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (lines_ == 0 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > kLineBytesMax) {
    too_long_ = true;
    text = text.substr(0, kLineBytesMax);
  }
  *line = {.text = text, .number = ++lines_, .too_long = too_long_};
  return true;
}

}  // namespace downpour
