// Text of strangers on a terminal of ours.
#ifndef DOWNPOUR_CLI_STATUS_SAFE_TEXT_H_
#define DOWNPOUR_CLI_STATUS_SAFE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace downpour {

// `text` as it may go to a terminal, on one line: control characters, those that turn the direction of writing, and
// bytes that are not UTF-8 become visible escapes ("\x1b", "\u202e"). What is beyond `columns_max` is cut, with "..."
// at the end (ASCII, so that any terminal shows it).
std::string SafeText(std::string_view text, size_t columns_max = 200);

// Columns that a terminal takes for `text`, which is UTF-8: two for wide characters, none for combining ones.
size_t TextColumns(std::string_view text);

// The longest beginning of `text` that takes at most `columns`.
std::string_view CutToColumns(std::string_view text, size_t columns);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_SAFE_TEXT_H_
