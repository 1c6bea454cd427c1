// The order in which an epoch visits a data set.
#ifndef DOWNPOUR_WORKER_DATA_EPOCH_ORDER_H_
#define DOWNPOUR_WORKER_DATA_EPOCH_ORDER_H_

#include <array>
#include <cstdint>

namespace downpour {

// A random permutation of [0, size) for each (seed, epoch), computed position by position in a few tens of nanoseconds
// and no memory: every worker, however many there are, can find the examples of its slice of an epoch by itself. A
// Feistel network (keys from Philox) permutes the smallest power of two that holds `size`; a position is sent through
// it until it comes out below `size`, fewer than two times on average. Const and safe from any number of threads.
class EpochOrder {
 public:
  EpochOrder(uint64_t size, uint64_t seed, uint64_t epoch);

  uint64_t size() const { return size_; }

  // The number of the example at `position`, which is below size(); each occurs once. (A position beyond is given
  // back.)
  uint64_t operator[](uint64_t position) const;

 private:
  // Enough rounds even for halves of one bit; what a big set costs is the multiplications of ten.
  static constexpr int kRoundsMax = 24;

  uint64_t Permute(uint64_t value) const;

  uint64_t size_;
  int low_bits_ = 0;  // the value's halves
  int high_bits_ = 0;
  int rounds_;  // even, so that each half ends where it began
  std::array<uint64_t, kRoundsMax> keys_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_EPOCH_ORDER_H_
