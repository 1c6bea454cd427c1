// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011): random numbers as a pure
// function of a counter and a key. The same numbers come out on every machine and in any order of asking, so weights
// can be initialised by whoever owns them and a simulation replayed from its seed. Not for secrets.
#ifndef DOWNPOUR_COMMON_BASE_PHILOX_H_
#define DOWNPOUR_COMMON_BASE_PHILOX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace downpour {

namespace philox_internal {

using Block = std::array<uint32_t, 4>;
using Key = std::array<uint32_t, 2>;

constexpr Block Round(const Block& block, const Key& key) {
  const uint64_t product0 = uint64_t{0xD2511F53} * block[0];
  const uint64_t product1 = uint64_t{0xCD9E8D57} * block[2];
  return {static_cast<uint32_t>(product1 >> 32) ^ block[1] ^ key[0], static_cast<uint32_t>(product1),
          static_cast<uint32_t>(product0 >> 32) ^ block[3] ^ key[1], static_cast<uint32_t>(product0)};
}

constexpr Key NextKey(const Key& key) { return {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85}; }

}  // namespace philox_internal

// 128 random bits for a 128-bit counter under a 64-bit key; words in the order of the paper and of Random123.
constexpr std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    counter = philox_internal::Round(counter, key);
    key = philox_internal::NextKey(key);
  }
  return counter;
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
  // Two blocks at a time: the rounds of one wait for their multiplications, those of two hardly longer.
  constexpr void Refill() {
    using namespace philox_internal;
    Block first = Counter(position_);
    Block second = Counter(position_ + 1);
    Key key = key_;
    for (int round = 0; round < 10; ++round) {
      first = Round(first, key);
      second = Round(second, key);
      key = NextKey(key);
    }
    words_ = {first[0], first[1], first[2], first[3], second[0], second[1], second[2], second[3]};
    position_ += 2;
    used_ = 0;
  }

  constexpr philox_internal::Block Counter(uint64_t position) const {
    return {static_cast<uint32_t>(position), static_cast<uint32_t>(position >> 32), static_cast<uint32_t>(stream_),
            static_cast<uint32_t>(stream_ >> 32)};
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
  std::array<uint32_t, 8> words_{};
  size_t used_ = 8;  // of words_
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_PHILOX_H_
