#ifndef DOWNPOUR_COMMON_RPC_PIECE_CHECK_H_
#define DOWNPOUR_COMMON_RPC_PIECE_CHECK_H_

#include "absl/status/status.h"
#include "common/rpc/sliced_message.h"

namespace downpour {

// What is wrong with a piece; default-constructed: nothing.
struct PieceFault {
  wire::Refusal::Reason reason = wire::Refusal::REASON_UNSPECIFIED;
  absl::Status status;  // INVALID_ARGUMENT, with what was wrong

  explicit operator bool() const { return !status.ok(); }
};

// Whether a decoded piece agrees with itself: a type that there is (of a push: one that gradients may have),
// total_bytes of the elements, the payload within them, and not empty where there are elements. A payload in shared
// memory must have been attached before (common/rpc/payload_channel.h). Ask before using the offset to write anywhere.
// Whether shard, epoch and sender are known is for others to say.
PieceFault CheckPiece(const SlicedPushPiece& piece);
PieceFault CheckPiece(const SlicedWeightsPiece& piece);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_PIECE_CHECK_H_
