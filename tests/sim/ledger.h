#ifndef DOWNPOUR_TESTS_SIM_LEDGER_H_
#define DOWNPOUR_TESTS_SIM_LEDGER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/consistency/policy.h"

namespace downpour::sim {

// One push of a worker, as the worker means it: the same to every shard. Its coordinate is its index in the ledger, and
// its gradient is zero everywhere but there; so the weights tell afterwards how often it was applied.
struct LedgerEntry {
  WorkerId worker = 0;
  uint64_t incarnation = 0;
  uint64_t clock = 0;
};

class Ledger {
 public:
  explicit Ledger(uint32_t entries_max) : entries_max_(entries_max) { entries_.reserve(entries_max); }

  uint32_t left() const { return entries_max_ - entries_.size(); }

  // Requires left() > 0.
  uint32_t Add(const LedgerEntry& entry) {
    entries_.push_back(entry);
    return entries_.size() - 1;
  }

  const LedgerEntry& operator[](uint32_t coordinate) const { return entries_[coordinate]; }
  uint32_t size() const { return entries_.size(); }

  // The gradient's value at its coordinate: a small integer.
  static float ValueAt(uint32_t coordinate) { return 1 + coordinate % 7; }

  static constexpr uint32_t kElementsMax = 4096;

  // The gradient of `elements` elements, at most kElementsMax, as bytes that live as long as the program: in one piece
  // or several. Beyond `elements` a coordinate is nowhere, and the gradient zero.
  static std::vector<absl::Span<const std::byte>> GradientAt(uint32_t coordinate, uint32_t elements);

  // Zeros, with a NaN at the end.
  static std::vector<absl::Span<const std::byte>> NotFinite(uint32_t elements);

 private:
  const uint32_t entries_max_;
  std::vector<LedgerEntry> entries_;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_LEDGER_H_
