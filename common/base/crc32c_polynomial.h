// Arithmetic of polynomials over GF(2) modulo that of CRC-32C. For crc32c*.cc alone.
#ifndef DOWNPOUR_COMMON_BASE_CRC32C_POLYNOMIAL_H_
#define DOWNPOUR_COMMON_BASE_CRC32C_POLYNOMIAL_H_

#include <array>
#include <cstdint>

namespace downpour::crc32c {

// Reflected: bit 31 is the coefficient of x^0. Appending n zero bits to a message multiplies its remainder by x^n,
// which is all that combining checksums takes.
inline constexpr uint32_t kPolynomial = 0x82F63B78;
inline constexpr uint32_t kOne = 0x80000000;

constexpr uint32_t TimesX(uint32_t a) { return a >> 1 ^ (a & 1 ? kPolynomial : 0); }

constexpr uint32_t Multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (; a != 0; a <<= 1) {
    if (a & kOne) product ^= b;
    b = TimesX(b);
  }
  return product;
}

// x^(2^k) for every k that 8 * size reaches.
inline constexpr std::array<uint32_t, 67> kPowersOfX = [] {
  std::array<uint32_t, 67> powers{};
  powers[0] = TimesX(kOne);
  for (size_t k = 1; k < powers.size(); ++k) powers[k] = Multiply(powers[k - 1], powers[k - 1]);
  return powers;
}();

// x^(8 * bytes): what to multiply a remainder by for `bytes` zero bytes appended.
constexpr uint32_t ZeroBytes(uint64_t bytes) {
  uint32_t power = kOne;
  for (size_t k = 3; bytes != 0; bytes >>= 1, ++k) {
    if (bytes & 1) power = Multiply(power, kPowersOfX[k]);
  }
  return power;
}

}  // namespace downpour::crc32c

#endif  // DOWNPOUR_COMMON_BASE_CRC32C_POLYNOMIAL_H_
