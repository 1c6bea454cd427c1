#ifndef DOWNPOUR_SERVER_SHARD_REFUSAL_H_
#define DOWNPOUR_SERVER_SHARD_REFUSAL_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace downpour {

// Why a shard refused a request, for machines; in the order in which they are checked. A refused request has changed
// nothing but a counter.
enum class RefusalReason : uint8_t {
  kNone,               // not refused
  kEpochStale,         // the shard map has changed: fetch the new one and send again under the same sequence number
  kEpochFuture,        // this server has not heard of the new shard map yet: send again soon
  kUnknownWorker,      // not joined, left, or given up for dead: join again
  kIncarnationStale,   // another process has joined under this worker's id, or this one joined again
  kIncarnationFuture,  // a larger incarnation than the one that joined: join first
  kSequenceZero,       // sequence numbers start at 1
  kSequenceOld,        // below the window: whether it was applied is no longer known
  kSequenceAhead,      // too far above the others: more would be open than kSequenceWindow
  kVersionFuture,      // computed from weights that this shard has not had (it was restored since): pull again
  kDType,              // not float32, bfloat16 or float16
  kElementCount,       // not the shard's
  kByteCount,          // the bytes received are not element count times element size
  kGradientNorm,       // the table's gradient norm is missing, negative or not finite
  kNotFinite,          // a NaN or an infinity in the gradient
  kOutOfMemory,        // no block to write the update to: back off and send again
  kPolicy,             // against the protocol of the consistency policy
  kNoAverage,          // the average was asked for and the job keeps none
  kTooManyPulls,       // kWaitingPullsMax pulls of this worker wait already
};
inline constexpr size_t kRefusalReasonCount = static_cast<size_t>(RefusalReason::kTooManyPulls) + 1;

// "epoch_stale", ...: the label in metrics and logs.
std::string_view RefusalReasonName(RefusalReason reason);

// A refusal, for machines and for people; default-constructed: none.
struct Refusal {
  Refusal() = default;
  // The status has the reason's code: INVALID_ARGUMENT where the request makes no sense, UNAVAILABLE or
  // RESOURCE_EXHAUSTED where the same may do later, FAILED_PRECONDITION where the worker has to do something first.
  Refusal(RefusalReason reason, std::string_view message);

  RefusalReason reason = RefusalReason::kNone;
  absl::Status status;  // names what was wrong and what to do

  explicit operator bool() const { return reason != RefusalReason::kNone; }
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_REFUSAL_H_
