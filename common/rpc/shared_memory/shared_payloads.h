// Payloads of messages to slots and back: what both sides of a channel do with each message.
#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_SHARED_PAYLOADS_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_SHARED_PAYLOADS_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/rpc/limits.h"
#include "common/rpc/shared_memory/ring.h"
#include "common/rpc/sliced_message.h"

namespace downpour {

// A slot takes the payloads of a message. While the receiver works on one the next ones are being written; more than
// these few would only make the memory fall out of the caches (with shards of 1 MiB: common/sharding/placement.h).
inline constexpr SegmentShape kSharedMemoryShape = {4, kPieceBytes};

// A message with less payload than this is not worth a slot: its bytes go with it in the same system call.
inline constexpr size_t kSharedBytesMin = size_t{16} << 10;

// Nor is a single payload of less than this, among others.
inline constexpr size_t kSharedPieceBytesMin = 256;

// So long may a sender wait for a slot: about what it would take to send the payload by the stream instead.
inline constexpr absl::Duration kSlotPatience = absl::Milliseconds(1);

// Copies payloads to slots. For one thread at a time.
class SharedPayloadWriter {
 public:
  explicit SharedPayloadWriter(RingWriter ring) : ring_(std::move(ring)) {}

  // Moves the payloads that are large enough and find room into slots, and lets go of their owners. Never fails:
  // what finds no room stays. `Message` is one of the two sliced messages.
  template <typename Message>
  void Detach(Message* message);

 private:
  RingWriter ring_;
  // Waiting was in vain the last time, and there has been no free slot since.
  bool impatient_ = false;
};

// Finds payloads in slots. For one thread at a time.
class SharedPayloadReader {
 public:
  explicit SharedPayloadReader(RingReader ring) : ring_(std::move(ring)) {}

  // Puts the payloads that lie in slots into their pieces. INVALID_ARGUMENT for references that are no good, DATA_LOSS
  // once the peer has written to a slot that we had.
  template <typename Message>
  absl::Status Attach(Message* message);

 private:
  RingReader ring_;
};

// What Attach does where there is no shared memory: INVALID_ARGUMENT if anything refers to it.
template <typename Message>
absl::Status RefuseSharedPayloads(const Message& message);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_SHARED_PAYLOADS_H_
