#include "common/base/json_string.h"

#include <cstddef>
#include <cstdint>

namespace downpour {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr char kHexDigits[] = "0123456789abcdef";

// The length of the valid UTF-8 sequence of two bytes or more that `text` starts with (table 3-7 of the Unicode
// standard: no overlong forms, no surrogates, nothing above U+10FFFF); 0 if there is none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) -> uint8_t { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto in = [](uint8_t value, uint8_t first, uint8_t last) { return first <= value && value <= last; };
  const auto continues = [&](size_t i) { return in(byte(i), 0x80, 0xBF); };
  const uint8_t lead = byte(0);
  if (in(lead, 0xC2, 0xDF)) return continues(1) ? 2 : 0;
  if (in(lead, 0xE0, 0xEF)) {
    const uint8_t first = lead == 0xE0 ? 0xA0 : 0x80;
    const uint8_t last = lead == 0xED ? 0x9F : 0xBF;
    return in(byte(1), first, last) && continues(2) ? 3 : 0;
  }
  if (in(lead, 0xF0, 0xF4)) {
    const uint8_t first = lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t last = lead == 0xF4 ? 0x8F : 0xBF;
    return in(byte(1), first, last) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

void AppendEscape(std::string& json, char c) {
  switch (c) {
    case '"':
      json += "\\\"";
      return;
    case '\\':
      json += "\\\\";
      return;
    case '\n':
      json += "\\n";
      return;
    case '\r':
      json += "\\r";
      return;
    case '\t':
      json += "\\t";
      return;
    default:
      json += "\\u00";
      json += kHexDigits[c >> 4 & 0xf];
      json += kHexDigits[c & 0xf];
  }
}

}  // namespace

std::string JsonString(std::string_view text) {
  std::string json;
  json.reserve(text.size() + 2);
  json += '"';
  while (!text.empty()) {
    const char c = text.front();
    size_t length = 1;
    if (static_cast<uint8_t>(c) >= 0x80) {
      const size_t sequence = SequenceLength(text);
      json += sequence == 0 ? kReplacement : text.substr(0, sequence);
      if (sequence != 0) length = sequence;
    } else if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
      AppendEscape(json, c);
    } else {
      json += c;
    }
    text.remove_prefix(length);
  }
  json += '"';
  return json;
}

}  // namespace downpour
