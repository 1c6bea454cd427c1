// The constants of Philox4x32-10 and its rounds on vector registers. For philox.h alone.
#ifndef DOWNPOUR_COMMON_BASE_PHILOX_ROUNDS_H_
#define DOWNPOUR_COMMON_BASE_PHILOX_ROUNDS_H_

#include <array>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace downpour::philox_internal {

inline constexpr uint32_t kMultiplier0 = 0xD2511F53;
inline constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
inline constexpr uint32_t kKeyStep0 = 0x9E3779B9;
inline constexpr uint32_t kKeyStep1 = 0xBB67AE85;

#if defined(__SSE2__)

// Two blocks, one in each 64-bit lane: the multiplication reads the low half of a lane and fills all of it, so what is
// in the high halves between rounds does not matter.
struct TwoBlocks {
  __m128i word0, word1, word2, word3;

  void Round(__m128i key0, __m128i key1) {
    const __m128i product0 = _mm_mul_epu32(word0, _mm_set1_epi64x(kMultiplier0));
    const __m128i product1 = _mm_mul_epu32(word2, _mm_set1_epi64x(kMultiplier1));
    word0 = _mm_xor_si128(_mm_srli_epi64(product1, 32), _mm_xor_si128(word1, key0));
    word1 = product1;
    word2 = _mm_xor_si128(_mm_srli_epi64(product0, 32), _mm_xor_si128(word3, key1));
    word3 = product0;
  }

  // Eight words: the first block, then the second.
  void Store(uint32_t* words) const {
    const __m128i low = _mm_set1_epi64x(0xffffffff);
    const __m128i words01 = _mm_or_si128(_mm_and_si128(word0, low), _mm_slli_epi64(word1, 32));
    const __m128i words23 = _mm_or_si128(_mm_and_si128(word2, low), _mm_slli_epi64(word3, 32));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_unpacklo_epi64(words01, words23));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 4), _mm_unpackhi_epi64(words01, words23));
  }
};

inline void FourBlocksSse2(uint64_t position, uint64_t stream, std::array<uint32_t, 2> key, uint32_t* words) {
  const auto counters = [&](uint64_t first) {
    const __m128i positions = _mm_set_epi64x(static_cast<int64_t>(first + 1), static_cast<int64_t>(first));
    const __m128i streams = _mm_set1_epi64x(static_cast<int64_t>(stream));
    return TwoBlocks{positions, _mm_srli_epi64(positions, 32), streams, _mm_srli_epi64(streams, 32)};
  };
  TwoBlocks a = counters(position);
  TwoBlocks b = counters(position + 2);
  __m128i key0 = _mm_set1_epi64x(key[0]);
  __m128i key1 = _mm_set1_epi64x(key[1]);
  for (int round = 0; round < 10; ++round) {
    a.Round(key0, key1);
    b.Round(key0, key1);
    key0 = _mm_add_epi32(key0, _mm_set1_epi64x(kKeyStep0));
    key1 = _mm_add_epi32(key1, _mm_set1_epi64x(kKeyStep1));
  }
  a.Store(words);
  b.Store(words + 8);
}

#endif  // __SSE2__

}  // namespace downpour::philox_internal

#endif  // DOWNPOUR_COMMON_BASE_PHILOX_ROUNDS_H_
