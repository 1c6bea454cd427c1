#include "worker/data/epoch_order.h"

#include <bit>

#include "common/base/philox.h"
#include "worker/data/example_key.h"

namespace downpour {
namespace {

// Spreads each bit of x over the upper half of the result (the finaliser of SplitMix64).
uint64_t Mix(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

// The topmost bits; none for 0.
uint64_t Top(uint64_t x, int bits) { return bits == 0 ? 0 : x >> (64 - bits); }

}  // namespace

EpochOrder::EpochOrder(uint64_t size, uint64_t seed, uint64_t epoch) : size_(size) {
  const int bits = size <= 1 ? 0 : std::bit_width(size - 1);
  low_bits_ = bits / 2;
  high_bits_ = bits - low_bits_;
  rounds_ = bits < 16 ? kRoundsMax : 10;
  PhiloxStream random(SeedFor("epoch order", seed), epoch);
  for (uint64_t& key : keys_) key = random.Next64();
}

uint64_t EpochOrder::Permute(uint64_t value) const {
  uint64_t low = value & ((uint64_t{1} << low_bits_) - 1);
  uint64_t high = value >> low_bits_;
  for (int round = 0; round < rounds_; round += 2) {
    high ^= Top(Mix(low ^ keys_[round]), high_bits_);
    low ^= Top(Mix(high ^ keys_[round + 1]), low_bits_);
  }
  return high << low_bits_ | low;
}

uint64_t EpochOrder::operator[](uint64_t position) const {
  if (position >= size_) return position;
  // Ends: going on, the permutation comes back to `position` itself.
  uint64_t example = Permute(position);
  while (example >= size_) example = Permute(example);
  return example;
}

}  // namespace downpour
