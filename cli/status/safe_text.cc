#include "cli/status/safe_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_format.h"

namespace downpour {
namespace {

struct Range {
  uint32_t first = 0;
  uint32_t last = 0;
};

// Of those that people write with; what is missing is drawn a column too wide.
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},  {0x3400, 0x4dbf},
                           {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},
                           {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
                           {0x1f900, 0x1f9ff}, {0x20000, 0x2fffd}, {0x30000, 0x3fffd}};
constexpr Range kCombining[] = {{0x0300, 0x036f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},  {0x20d0, 0x20ff},
                                {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
// C0, C1, marks of direction and of order, separators of lines, byte order mark, tags.
constexpr Range kUnsafe[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x061c, 0x061c}, {0x200b, 0x200f},  {0x2028, 0x202e},
                             {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};

template <size_t n>
bool IsIn(const Range (&ranges)[n], uint32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

// The first character of a text: how many bytes it takes, and its code; not valid: one byte.
struct Character {
  size_t bytes = 1;
  uint32_t code = 0;
  bool valid = false;
};

Character FirstOf(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {.bytes = 1, .code = lead, .valid = true};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  uint32_t code = lead & (0xff >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {.bytes = bytes, .code = code, .valid = true};
}

size_t ColumnsOf(const Character& character) {
  if (!character.valid) return 1;
  if (IsIn(kCombining, character.code)) return 0;
  return IsIn(kWide, character.code) ? 2 : 1;
}

}  // namespace

std::string SafeText(std::string_view text, size_t columns_max) {
  std::string safe;
  size_t columns = 0;
  size_t room_for_dots = 0;  // bytes of `safe` that leave room for "..."
  const size_t dots = std::min<size_t>(3, columns_max);
  for (size_t at = 0; at < text.size();) {
    const Character character = FirstOf(text.substr(at));
    std::string piece(text.substr(at, character.bytes));
    if (!character.valid) {
      piece = absl::StrFormat("\\x%02x", static_cast<uint8_t>(text[at]));
    } else if (IsIn(kUnsafe, character.code)) {
      piece = character.code < 0x100 ? absl::StrFormat("\\x%02x", character.code)
                                     : absl::StrFormat("\\u%04x", character.code);
    }
    const size_t wide = TextColumns(piece);
    // Combining characters without an end take no columns, but memory.
    if (columns + wide > columns_max || safe.size() > 8 * columns_max + 8) {
      return safe.substr(0, room_for_dots) + std::string(dots, '.');
    }
    safe += piece;
    columns += wide;
    if (columns + dots <= columns_max) room_for_dots = safe.size();
    at += character.bytes;
  }
  return safe;
}

size_t TextColumns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const Character character = FirstOf(text);
    columns += ColumnsOf(character);
    text.remove_prefix(character.bytes);
  }
  return columns;
}

std::string_view CutToColumns(std::string_view text, size_t columns) {
  size_t at = 0;
  while (at < text.size()) {
    const Character character = FirstOf(text.substr(at));
    const size_t wide = ColumnsOf(character);
    if (wide > columns) break;
    columns -= wide;
    at += character.bytes;
  }
  return text.substr(0, at);
}

}  // namespace downpour
