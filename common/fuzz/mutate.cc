#include "common/fuzz/mutate.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace downpour {
namespace {

// Of `text`, a part of up to 16 bytes.
std::string_view Part(std::string_view text, PhiloxStream* random) {
  if (text.empty()) return text;
  return text.substr((*random)() % text.size(), 1 + (*random)() % 16);
}

}  // namespace

std::string Mutate(std::string input, std::string_view other, PhiloxStream* random) {
  static constexpr std::array<uint8_t, 8> kExtremes = {0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x10};
  for (uint64_t changes = 1 + (*random)() % 4; changes > 0; --changes) {
    const size_t at = (*random)() % (input.size() + 1);
    switch ((*random)() % 6) {
      case 0:
        if (at < input.size()) input[at] ^= static_cast<char>(1 << (*random)() % 8);
        break;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(kExtremes[(*random)() % kExtremes.size()]);
        break;
      case 2:
        input.erase(at, 1 + (*random)() % 8);
        break;
      case 3:
        input.insert(at, std::string(Part(input, random)));
        break;
      case 4:
        input.insert(at, Part(other, random));
        break;
      case 5:
        input.resize(at);
        break;
    }
  }
  return input;
}

}  // namespace downpour
