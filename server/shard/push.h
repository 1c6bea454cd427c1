#ifndef DOWNPOUR_SERVER_SHARD_PUSH_H_
#define DOWNPOUR_SERVER_SHARD_PUSH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "common/tensor/dtype.h"
#include "server/consistency/policy.h"
#include "server/shard/refusal.h"
#include "server/shard/sequence_window.h"

namespace downpour {

// A gradient for one whole shard (for model and elastic averaging: a difference of weights).
struct PushRequest {
  uint64_t epoch = 0;  // of the shard map by which the worker chose this server
  WorkerId worker = 0;
  uint64_t incarnation = 0;  // that the worker got when it joined

  // Numbers the pushes of this incarnation to this shard from 1. A push that was not answered is sent again under the
  // same number; a number whose push was refused may be used again for another push. Numbers may be left out, but at
  // most kSequenceWindow lie between the lowest that has no answer and the highest. What has no answer when its worker
  // joins again must not be sent under the new incarnation: it may have been applied.
  uint64_t sequence = 0;

  uint64_t clock = 0;           // steps that the worker has finished, this push's own included
  uint64_t version_pulled = 0;  // of the weights that the gradient was computed from
  DType dtype = DType::kFloat32;
  uint64_t element_count = 0;

  // The values, little-endian, as they were received: any number of slices of any length and alignment; an element may
  // straddle slices. They are read during the call and, if the push is held, for as long as `owner` lives.
  std::vector<absl::Span<const std::byte>> slices;

  // Keeps the slices' bytes alive while a copy of it is held. May be null where the bytes outlive the shard. Let go
  // under the shard's lock: what runs then must not call the shard.
  std::shared_ptr<const void> owner;

  // The norm of the gradient of the whole table. Needed where the job clips by it and the shard is a part of a table;
  // looked at nowhere else.
  std::optional<double> table_gradient_norm;
};

// What became of a push.
enum class PushFate : uint8_t {
  kApplied,  // it is in the weights: exactly once, however often it was sent
  kDropped,  // it came too late for its step and is in nothing, for good: not to be sent again
  kHeld,     // neither yet: a PushCompletion will tell
  kRefused,  // it is in nothing; `refusal` says why
};

struct PushOutcome {
  PushFate fate = PushFate::kRefused;
  bool duplicate = false;  // the shard had this push already; `fate` is what has become of it
  uint64_t version = 0;    // the shard's, when this was decided
  Refusal refusal;         // of kRefused
};

// The late answer to a push whose outcome was kHeld (however often it was sent meanwhile: one completion). Never kHeld;
// kRefused if its worker joined again before it was applied, or if there was no memory to apply it.
struct PushCompletion {
  WorkerId worker = 0;
  uint64_t incarnation = 0;
  uint64_t sequence = 0;
  PushOutcome outcome;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_PUSH_H_
