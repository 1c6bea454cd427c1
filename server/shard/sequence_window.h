#ifndef DOWNPOUR_SERVER_SHARD_SEQUENCE_WINDOW_H_
#define DOWNPOUR_SERVER_SHARD_SEQUENCE_WINDOW_H_

#include <cstdint>

namespace downpour {

// A worker may have at most so many pushes to one shard without an answer.
inline constexpr uint64_t kSequenceWindow = 64;

// What has become of the pushes of one incarnation of one worker: by this a push is applied exactly once. Remembers the
// highest number it was told of and, for that and the kSequenceWindow - 1 numbers below it, whether they were applied
// or dropped.
//
// Numbers further below are refused rather than taken for duplicates. Nobody waits for that answer: the worker had at
// most kSequenceWindow numbers open when it sent the highest, so those had been answered. And should a worker not keep
// to that, it is not told that something was applied which never came.
class SequenceWindow {
 public:
  enum class Fate : uint8_t {
    kUnknown,  // not told of: new
    kTaken,    // told of, not finished
    kApplied,
    kDropped,
    kOld,    // below the window
    kAhead,  // so far above the highest that more would be open than may be
  };

  // Requires sequence >= 1.
  Fate FateOf(uint64_t sequence) const;

  // Notes that a push whose fate is kUnknown is being held.
  void Take(uint64_t sequence);

  // Notes what has become of a push whose fate was kUnknown or kTaken.
  void Finish(uint64_t sequence, bool applied);

  // A push that was taken is not held any more and in nothing: new again.
  void Release(uint64_t sequence);

  uint64_t highest() const { return highest_; }

  // The whole state, for hashes and checkpoints. Bit i is of the number highest() - i.
  struct State {
    uint64_t highest = 0;
    uint64_t taken = 0;
    uint64_t applied = 0;
    uint64_t dropped = 0;
  };
  State state() const { return {highest_, taken_, applied_, dropped_}; }

 private:
  uint64_t Reach(uint64_t sequence);

  uint64_t highest_ = 0;
  uint64_t taken_ = 0;
  uint64_t applied_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_SEQUENCE_WINDOW_H_
