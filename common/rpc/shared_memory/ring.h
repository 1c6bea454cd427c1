// Payloads through a Segment, one direction of it: the writer fills a slot and sends a reference to it by whatever
// carries small messages (the gRPC stream); the reader opens what the reference names, uses it where it lies, and lets
// it go, which gives the slot back. Neither side makes a system call, unless a writer waits for a slot.
//
// A slot is the writer's until it is committed, and the reader's from then until it is let go. Each filling has a
// generation of its own, in the slot's header and in the reference, so that neither a late reference nor a slot written
// too early is ever taken for the right one. Each side keeps its own books, and uses what the other wrote only to
// compare: a peer gone mad can spoil the payloads of this stream, but cannot make us read or write outside of a slot.
#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_RING_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_RING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/rpc/shared_memory/segment.h"

namespace downpour {

// Fills slots. For one thread at a time.
class RingWriter {
 public:
  struct Slot {
    uint32_t index = 0;
    uint64_t generation = 0;  // from 1
    absl::Span<std::byte> memory;
  };

  RingWriter(std::shared_ptr<Segment> segment, Direction direction);

  // A slot to fill: of the free ones that which was let go last, since its memory is likeliest to be in a cache. Where
  // the reader has all of them waits for up to `patience` that it lets one go, and gives none if it does not.
  std::optional<Slot> Begin(absl::Duration patience = absl::ZeroDuration());

  // The first `length` bytes of the slot are written, and `length` is more than 0: now a reference may be sent.
  void Commit(const Slot& slot, size_t length);

  // The slot was not committed, or no reference to it was sent, and none will be.
  void TakeBack(const Slot& slot);

  // Slots that Begin could give.
  size_t CountFree();

 private:
  void CollectReleased();
  void WaitForRelease(absl::Duration patience);

  const std::shared_ptr<Segment> segment_;
  const Direction direction_;
  std::vector<uint64_t> generations_;  // of each slot's last filling
  std::vector<uint32_t> free_;         // the next to be used at the end
  std::vector<uint32_t> given_;        // begun, and not known to be let go
};

// Opens slots.
class RingReader {
 public:
  struct Slot {
    absl::Span<const std::byte> bytes;  // those in use
    std::shared_ptr<const void> hold;   // the slot is given back when the last copy of this ends, on any thread
  };

  RingReader(std::shared_ptr<Segment> segment, Direction direction);

  // What a reference names. INVALID_ARGUMENT for a slot that there is not, that we have already, or whose header is of
  // another generation or damaged: the peer is broken, and nothing more of it should be believed. Each filling can be
  // opened once. For one thread at a time.
  absl::StatusOr<Slot> Open(uint32_t index, uint64_t generation);

  // DATA_LOSS once a slot was written while we had it: what was read there may be of two fillings. Looked at when slots
  // are let go. Any thread.
  absl::Status health() const;

 private:
  class State;
  const std::shared_ptr<State> state_;  // shared with the holds, which may outlive us
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_RING_H_
