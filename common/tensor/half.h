// The two 16-bit floating-point formats, as storage: arithmetic happens in float32. These scalar conversions are the
// reference; the vector ones are in kernels/.
//
// Conversions from float round to nearest, ties to even, and use integer arithmetic alone, so that they give the same
// bits whatever the rounding mode or flush-to-zero setting of the thread. Every 16-bit value is a float exactly.
#ifndef DOWNPOUR_COMMON_TENSOR_HALF_H_
#define DOWNPOUR_COMMON_TENSOR_HALF_H_

#include <bit>
#include <cstdint>

namespace downpour {

// The upper half of a float32: 8 bits of exponent, 7 of mantissa.
struct BFloat16 {
  uint16_t bits;

  // Values beyond the largest finite one by half a step or more become infinite; NaN stays NaN, made quiet, with its
  // sign and the upper bits of its payload.
  static constexpr BFloat16 FromFloat(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
      return {static_cast<uint16_t>(bits >> 16 | 0x0040)};
    }
    return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
  }

  // A plain shift: the bits of a signalling NaN are kept.
  constexpr float ToFloat() const { return std::bit_cast<float>(uint32_t{bits} << 16); }

  // Compares bits: NaN equals itself, 0 and -0 differ.
  friend constexpr bool operator==(BFloat16 a, BFloat16 b) = default;
};

// IEEE 754 binary16: 5 bits of exponent, 10 of mantissa; largest 65504, smallest normal 2^-14, smallest 2^-24.
struct Float16 {
  uint16_t bits;

  // Magnitudes of 65520 or more become infinite, those of 2^-25 or less zero; NaN stays NaN, made quiet, with its sign
  // and the upper bits of its payload.
  static constexpr Float16 FromFloat(float value) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    const uint32_t sign = bits >> 16 & 0x8000;
    const uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return Join(sign, 0x7e00 | (magnitude >> 13 & 0x03ff));
    if (magnitude >= std::bit_cast<uint32_t>(65520.0f)) return Join(sign, 0x7c00);
    if (magnitude >= std::bit_cast<uint32_t>(0x1p-14f)) {
      // Drop 13 bits of mantissa, rounding; a carry into the exponent is right. Then move the bias from 127 to 15.
      return Join(sign, (RoundShift(magnitude, 13)) - (uint32_t{127 - 15} << 10));
    }
    if (magnitude <= std::bit_cast<uint32_t>(0x1p-25f)) return Join(sign, 0);
    // Subnormal: the value in units of 2^-24.
    const uint32_t exponent = magnitude >> 23;
    const uint32_t mantissa = (magnitude & 0x007fffff) | 0x00800000;
    return Join(sign, RoundShift(mantissa, 150 - 24 - exponent));
  }

  // A signalling NaN becomes quiet, as the processor's conversion makes it.
  constexpr float ToFloat() const {
    const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
    const uint32_t exponent = bits >> 10 & 0x1f;
    const uint32_t mantissa = bits & 0x03ff;
    if (exponent == 0x1f) {
      const uint32_t quiet = mantissa == 0 ? 0 : 0x00400000;
      return std::bit_cast<float>(sign | 0x7f800000 | quiet | mantissa << 13);
    }
    if (exponent != 0) {
      return std::bit_cast<float>(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
    }
    if (mantissa == 0) return std::bit_cast<float>(sign);
    // Subnormal: shift the leading one to where a float implies it.
    const uint32_t shift = static_cast<uint32_t>(std::countl_zero(mantissa)) - 21;
    return std::bit_cast<float>(sign | (127 - 14 - shift) << 23 | (mantissa << (13 + shift) & 0x007fffff));
  }

  // Compares bits: NaN equals itself, 0 and -0 differ.
  friend constexpr bool operator==(Float16 a, Float16 b) = default;

 private:
  static constexpr Float16 Join(uint32_t sign, uint32_t magnitude) { return {static_cast<uint16_t>(sign | magnitude)}; }

  // value / 2^shift, to nearest, ties to even; shift in [1, 31].
  static constexpr uint32_t RoundShift(uint32_t value, uint32_t shift) {
    return (value + ((uint32_t{1} << (shift - 1)) - 1) + (value >> shift & 1)) >> shift;
  }
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_TENSOR_HALF_H_
