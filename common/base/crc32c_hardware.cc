#include "common/base/crc32c_backends.h"

#if defined(__x86_64__)

#include <nmmintrin.h>

#include <array>
#include <cstring>

#include "common/base/crc32c_polynomial.h"

namespace downpour::crc32c {
namespace {

// The instruction takes eight bytes each cycle but gives its result three cycles later. So three runs are fed at a
// time, and joined by multiplying with the power of x that stands for the bytes between their ends.

// For each of the four bytes of a remainder its product with x^(8 * bytes).
using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

constexpr ShiftTable MakeShiftTable(uint64_t bytes) {
  ShiftTable table{};
  const uint32_t power = ZeroBytes(bytes);
  for (size_t k = 0; k < 4; ++k) {
    // Linear, so the entries of single bits give all the others.
    for (uint32_t bit = 0; bit < 8; ++bit) {
      const uint32_t product = Multiply(uint32_t{1} << (8 * k + bit), power);
      for (uint32_t byte = 0; byte < uint32_t{1} << bit; ++byte) {
        table[k][byte | uint32_t{1} << bit] = table[k][byte] ^ product;
      }
    }
  }
  return table;
}

// Long runs spend next to nothing on joining; short ones make middling sizes fast.
constexpr size_t kLongRun = 4096;
constexpr size_t kShortRun = 256;
constexpr ShiftTable kLongShift = MakeShiftTable(kLongRun);
constexpr ShiftTable kShortShift = MakeShiftTable(kShortRun);

uint32_t Shift(const ShiftTable& table, uint32_t remainder) {
  return table[0][remainder & 0xff] ^ table[1][remainder >> 8 & 0xff] ^ table[2][remainder >> 16 & 0xff] ^
         table[3][remainder >> 24];
}

__attribute__((target("sse4.2"))) inline uint64_t Feed8(uint64_t remainder, const std::byte* data) {
  uint64_t word;
  std::memcpy(&word, data, sizeof(word));
  return _mm_crc32_u64(remainder, word);
}

template <size_t kRun>
__attribute__((target("sse4.2"))) uint64_t FeedThreeRuns(uint64_t remainder, const ShiftTable& shift,
                                                         const std::byte* data) {
  uint64_t a = remainder;
  uint64_t b = 0;
  uint64_t c = 0;
#pragma GCC unroll 4
  for (size_t i = 0; i < kRun; i += 8) {
    a = Feed8(a, data + i);
    b = Feed8(b, data + kRun + i);
    c = Feed8(c, data + 2 * kRun + i);
  }
  b ^= Shift(shift, static_cast<uint32_t>(a));
  return c ^ Shift(shift, static_cast<uint32_t>(b));
}

}  // namespace

__attribute__((target("sse4.2"))) uint32_t FeedHardware(uint32_t remainder, const std::byte* data, size_t size) {
  uint64_t state = remainder;
  for (; size >= 3 * kLongRun; size -= 3 * kLongRun, data += 3 * kLongRun) {
    state = FeedThreeRuns<kLongRun>(state, kLongShift, data);
  }
  for (; size >= 3 * kShortRun; size -= 3 * kShortRun, data += 3 * kShortRun) {
    state = FeedThreeRuns<kShortRun>(state, kShortShift, data);
  }
  for (; size >= 8; size -= 8, data += 8) state = Feed8(state, data);
  for (; size > 0; --size, ++data) {
    state = _mm_crc32_u8(static_cast<uint32_t>(state), static_cast<uint8_t>(*data));
  }
  return static_cast<uint32_t>(state);
}

bool HasHardware() { return __builtin_cpu_supports("sse4.2"); }

}  // namespace downpour::crc32c

#else

namespace downpour::crc32c {

uint32_t FeedHardware(uint32_t remainder, const std::byte* data, size_t size) {
  return FeedPortable(remainder, data, size);
}

bool HasHardware() { return false; }

}  // namespace downpour::crc32c

#endif
