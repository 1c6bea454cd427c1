// Text as a string of JSON.
#ifndef DOWNPOUR_COMMON_BASE_JSON_STRING_H_
#define DOWNPOUR_COMMON_BASE_JSON_STRING_H_

#include <string>
#include <string_view>

namespace downpour {

// `text` in double quotes, escaped so that any JSON parser takes it and gives the text back: quotes, backslashes and
// control characters by escapes, so that it never breaks a line, and each byte that is not part of valid UTF-8 by
// U+FFFD. Other characters stay as they are.
std::string JsonString(std::string_view text);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_JSON_STRING_H_
