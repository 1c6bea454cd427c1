#include "server/shard/sequence_window.h"

namespace downpour {

static_assert(kSequenceWindow == 64, "a bit of a 64-bit word for each number");

SequenceWindow::Fate SequenceWindow::FateOf(uint64_t sequence) const {
  if (sequence > highest_) {
    const uint64_t up = sequence - highest_;
    if (up > kSequenceWindow) return Fate::kAhead;
    // The numbers that would leave the window: none of them may still be open.
    const uint64_t leaving = taken_ >> (kSequenceWindow - up);
    return leaving != 0 ? Fate::kAhead : Fate::kUnknown;
  }
  const uint64_t below = highest_ - sequence;
  if (below >= kSequenceWindow) return Fate::kOld;
  const uint64_t bit = uint64_t{1} << below;
  if (taken_ & bit) return Fate::kTaken;
  if (applied_ & bit) return Fate::kApplied;
  if (dropped_ & bit) return Fate::kDropped;
  return Fate::kUnknown;
}

// Moves the window up to `sequence` if it is above; returns the bit of `sequence`, or none if it is below.
uint64_t SequenceWindow::Reach(uint64_t sequence) {
  if (sequence > highest_) {
    const uint64_t up = sequence - highest_;
    const auto shift = [up](uint64_t bits) { return up < kSequenceWindow ? bits << up : 0; };
    taken_ = shift(taken_);
    applied_ = shift(applied_);
    dropped_ = shift(dropped_);
    highest_ = sequence;
  }
  const uint64_t below = highest_ - sequence;
  return below < kSequenceWindow ? uint64_t{1} << below : 0;
}

void SequenceWindow::Take(uint64_t sequence) { taken_ |= Reach(sequence); }

void SequenceWindow::Finish(uint64_t sequence, bool applied) {
  const uint64_t bit = Reach(sequence);
  taken_ &= ~bit;
  (applied ? applied_ : dropped_) |= bit;
}

void SequenceWindow::Release(uint64_t sequence) { taken_ &= ~Reach(sequence); }

}  // namespace downpour
