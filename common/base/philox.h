// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011): random numbers as a pure
// function of a counter and a key. The same numbers come out on every machine and in any order of asking, so weights
// can be initialised by whoever owns them and a simulation replayed from its seed. Not for secrets.
#ifndef DOWNPOUR_COMMON_BASE_PHILOX_H_
#define DOWNPOUR_COMMON_BASE_PHILOX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "common/base/philox_rounds.h"

namespace downpour {

// 128 random bits for a 128-bit counter under a 64-bit key; words in the order of the paper and of Random123.
constexpr std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{philox_internal::kMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{philox_internal::kMultiplier1} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += philox_internal::kKeyStep0;
    key[1] += philox_internal::kKeyStep1;
  }
  return counter;
}

// The blocks of four counters that follow one another: {position, stream}, {position + 1, stream}, ..., each half 64
// bits, low word first. Costs about as much as one block, whose multiplications wait for each other.
constexpr std::array<uint32_t, 16> PhiloxFourBlocks(uint64_t position, uint64_t stream, std::array<uint32_t, 2> key) {
  std::array<uint32_t, 16> words{};
#if defined(__SSE2__)
  if (!std::is_constant_evaluated()) {
    philox_internal::FourBlocksSse2(position, stream, key, words.data());
    return words;
  }
#endif
  for (uint64_t block = 0; block < 4; ++block) {
    const std::array<uint32_t, 4> four =
        Philox4x32({static_cast<uint32_t>(position + block), static_cast<uint32_t>((position + block) >> 32),
                    static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                   key);
    for (size_t word = 0; word < 4; ++word) words[4 * block + word] = four[word];
  }
  return words;
}

// The top 24 bits as a float in [0, 1), the top 53 as a double in [0, 1): every value equally likely.
constexpr float Uniform01Float(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
constexpr double Uniform01Double(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

// A sequence of random numbers for simulators, shuffles and augmentation. Streams with different (seed, stream) are
// independent; the key is the seed, the counter is (position, stream). A UniformRandomBitGenerator of 64 bits.
// Copies go on from the same position. One thread at a time.
class PhiloxStream {
 public:
  using result_type = uint64_t;

  constexpr explicit PhiloxStream(uint64_t seed, uint64_t stream = 0)
      : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}, stream_(stream) {}

  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return std::numeric_limits<uint64_t>::max(); }
  constexpr uint64_t operator()() { return Next64(); }

  constexpr uint32_t Next32() {
    if (used_ == words_.size()) Refill();
    return words_[used_++];
  }

  constexpr uint64_t Next64() {
    const uint64_t low = Next32();
    return low | uint64_t{Next32()} << 32;
  }

  // Uniform in [0, bound) without bias (Lemire's multiplication with rejection). Returns 0 for a bound of 0.
  constexpr uint64_t UniformInt(uint64_t bound) {
    if (bound <= std::numeric_limits<uint32_t>::max()) {
      return UniformInt32(static_cast<uint32_t>(bound));
    }
    unsigned __int128 product = static_cast<unsigned __int128>(Next64()) * bound;
    if (static_cast<uint64_t>(product) < bound) {
      const uint64_t unfair = -bound % bound;
      while (static_cast<uint64_t>(product) < unfair) {
        product = static_cast<unsigned __int128>(Next64()) * bound;
      }
    }
    return static_cast<uint64_t>(product >> 64);
  }

  // Uniform in [0, 1).
  constexpr float UniformFloat() { return Uniform01Float(Next32()); }
  constexpr double UniformDouble() { return Uniform01Double(Next64()); }

  // Puts the elements in random order, the same on every machine (the order of std::shuffle is up to the library).
  // `elements` is anything with size() and []: a vector, an array, a span.
  template <typename Elements>
  constexpr void Shuffle(Elements& elements) {
    for (size_t left = elements.size(); left > 1; --left) {
      using std::swap;
      swap(elements[left - 1], elements[UniformInt(left)]);
    }
  }

 private:
  constexpr void Refill() {
    words_ = PhiloxFourBlocks(position_, stream_, key_);
    position_ += 4;
    used_ = 0;
  }

  constexpr uint32_t UniformInt32(uint32_t bound) {
    uint64_t product = uint64_t{Next32()} * bound;
    if (static_cast<uint32_t>(product) < bound) {
      const uint32_t unfair = -bound % bound;
      while (static_cast<uint32_t>(product) < unfair) product = uint64_t{Next32()} * bound;
    }
    return product >> 32;
  }

  std::array<uint32_t, 2> key_;
  uint64_t stream_;
  uint64_t position_ = 0;  // of the next block of four words
  std::array<uint32_t, 16> words_{};
  size_t used_ = 16;  // of words_
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_PHILOX_H_
