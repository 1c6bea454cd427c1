// Randomness of one example.
#ifndef DOWNPOUR_WORKER_DATA_EXAMPLE_KEY_H_
#define DOWNPOUR_WORKER_DATA_EXAMPLE_KEY_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/hash.h"
#include "common/base/philox.h"

namespace downpour {

// A seed of its own for each purpose that a job's one seed serves, so that shuffling, augmentation and synthetic data
// do not draw the same numbers.
inline uint64_t SeedFor(std::string_view purpose, uint64_t seed) { return Hash64(purpose, seed); }

// 128 random bits that depend on the seed, the epoch and the example's number in its data set alone: not on the worker,
// the thread or the order in which examples are made.
inline std::array<uint32_t, 4> ExampleBits(uint64_t seed, uint64_t epoch, uint64_t index) {
  return Philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), static_cast<uint32_t>(epoch),
                     static_cast<uint32_t>(epoch >> 32)},
                    {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
}

// A whole number in [0, bound) from 32 random bits; uneven by at most bound / 2^32.
constexpr uint32_t ScaleTo(uint32_t bits, uint32_t bound) {
  return static_cast<uint32_t>(uint64_t{bits} * bound >> 32);
}

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_EXAMPLE_KEY_H_
