// The memory that a worker and a server of one machine share: for each direction a row of slots for payloads, and for
// each slot a few words by which writer and reader tell each other whose it is.
#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_SEGMENT_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_SEGMENT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/rpc/shared_memory/owned_fd.h"

namespace downpour {

// Which way payloads go.
enum class Direction : uint32_t { kToServer = 0, kToClient = 1 };

// Of each direction.
struct SegmentShape {
  uint32_t slot_count = 0;
  uint32_t slot_bytes = 0;  // whole pages
};

// INVALID_ARGUMENT for a shape that nobody should map: 1 to 1024 slots of 4 KiB to 4 MiB, 512 MiB in all.
absl::Status CheckShape(const SegmentShape& shape);

// The bytes of a segment of a checked shape.
size_t SegmentBytes(const SegmentShape& shape);

// Written by the slot's writer, read by its reader.
struct alignas(64) SlotHeader {
  std::atomic<uint64_t> generation;  // of what the slot has, or is being filled with; 0 before the first
  std::atomic<uint32_t> length;      // bytes in use
  std::atomic<uint32_t> checksum;    // of slot, generation and length: ring.cc
};

// Written by the slot's reader, read by its writer.
struct alignas(64) SlotRelease {
  std::atomic<uint64_t> generation;  // the last that the reader is done with
};

// Where a writer waits for a slot: a futex.
struct alignas(64) RingBell {
  std::atomic<uint32_t> waiting;  // written by the writer: 1 while it waits
  std::atomic<uint32_t> rung;     // counted up by the reader, when somebody waits
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);
static_assert(sizeof(SlotHeader) == 64 && sizeof(SlotRelease) == 64 && sizeof(RingBell) == 64);

// A mapping of such memory. It has no name anywhere: it goes away with the last process that has it, however that ends.
// All pages are there before the first use, and the size is sealed, so no access can fault whatever the other process
// does. What the other process writes can change at any time: trust nothing read from here. Thread-safe.
class Segment {
 public:
  struct New {
    std::shared_ptr<Segment> segment;
    OwnedFd fd;  // to hand over; the mapping does not need it
  };

  // Fresh memory, all zero. RESOURCE_EXHAUSTED where there is none.
  static absl::StatusOr<New> Create(const SegmentShape& shape);

  // Memory that another process created and handed over. INVALID_ARGUMENT unless it is of just this shape and can
  // never shrink.
  static absl::StatusOr<std::shared_ptr<Segment>> Adopt(const OwnedFd& fd, const SegmentShape& shape);

  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  const SegmentShape& shape() const { return shape_; }

  // Of a slot below shape().slot_count.
  SlotHeader& header(Direction direction, uint32_t slot) const;
  SlotRelease& release(Direction direction, uint32_t slot) const;
  absl::Span<std::byte> memory(Direction direction, uint32_t slot) const;
  RingBell& bell(Direction direction) const;

  // From now on this mapping's slots of a direction can only be read.
  absl::Status MakeReadOnly(Direction direction);

 private:
  Segment(std::byte* base, const SegmentShape& shape) : base_(base), shape_(shape) {}
  std::byte* words(Direction direction) const;
  static absl::StatusOr<std::shared_ptr<Segment>> Map(int fd, const SegmentShape& shape);

  std::byte* const base_;
  const SegmentShape shape_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_SEGMENT_H_
