#include <array>
#include <bit>
#include <cstring>

#include "common/base/crc32c_backends.h"
#include "common/base/crc32c_polynomial.h"

namespace downpour::crc32c {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

// kTables[k][b]: the remainder of byte b followed by k zero bytes.
constexpr std::array<std::array<uint32_t, 256>, 8> kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; ++bit) remainder = TimesX(remainder);
    tables[0][byte] = remainder;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  }
  return tables;
}();

}  // namespace

// "Slicing by eight" (Kounavis and Berry, 2005).
uint32_t FeedPortable(uint32_t remainder, const std::byte* data, size_t size) {
  for (; size >= 8; size -= 8, data += 8) {
    uint64_t word;
    std::memcpy(&word, data, sizeof(word));
    word ^= remainder;
    remainder = 0;
#pragma GCC unroll 8
    for (int byte = 0; byte < 8; ++byte) remainder ^= kTables[7 - byte][word >> 8 * byte & 0xff];
  }
  for (; size > 0; --size, ++data) {
    remainder = remainder >> 8 ^ kTables[0][(remainder ^ static_cast<uint32_t>(*data)) & 0xff];
  }
  return remainder;
}

}  // namespace downpour::crc32c
