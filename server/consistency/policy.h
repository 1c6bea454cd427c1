#ifndef DOWNPOUR_SERVER_CONSISTENCY_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_POLICY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// The consistency rule of a job: when a push is applied, when a pull is answered. One instance rules one shard; every
// shard of a job has its own and hears of the same joins and departures. A policy is pure: it keeps counts of what it
// was told and answers; it has no threads, no clock, no data, and it never looks at a gradient.

namespace downpour {

using WorkerId = uint32_t;

// A push as the policy sees it. It has passed every other check and is not a duplicate.
struct PushFacts {
  WorkerId worker = 0;
  uint64_t push_id = 0;         // names the push until it is applied or dropped; grows with every push of the shard
  uint64_t clock = 0;           // steps that the worker has finished, this push's own included (the first push says 1)
  uint64_t version_pulled = 0;  // the shard's version that the gradient was computed from
  uint64_t version_now = 0;     // the shard's version at arrival; staleness is the difference
};

enum class PushVerdict : uint8_t {
  kApply,   // apply now, alone
  kHold,    // keep the gradient; it comes back in a batch of TakeReady, or is dropped
  kDrop,    // acknowledge without applying, and count it: a backup worker's late gradient
  kRefuse,  // against the protocol of this policy; refused whole with `reason`
};

struct PushRuling {
  PushVerdict verdict = PushVerdict::kApply;
  float rate_scale = 1;  // of kApply: multiplies the learning rate (staleness-aware rate)
  std::string reason;    // of kRefuse: what the worker did wrong
};

// Held pushes that are to be applied together as one update: the sum of their gradients times `scale`, one version.
struct PushBatch {
  std::vector<uint64_t> push_ids;  // in ascending order of worker, so that the sum has the same bits on every run
  float scale = 1;
};

struct PullFacts {
  WorkerId worker = 0;
  uint64_t clock = 0;  // steps that the worker has finished; it asks for the weights of step clock + 1
};

class Policy {
 public:
  virtual ~Policy() = default;

  // A worker takes part from now on, at `clock`: 0 in a new job, JoinClock() for one that comes later. Joining again
  // (a new incarnation) drops what the old one held.
  virtual void WorkerJoined(WorkerId worker, uint64_t clock) = 0;

  // The worker left or died. It stops counting at once and nothing waits for it any more; what it had pushed before
  // stays in its batch.
  virtual void WorkerLeft(WorkerId worker) = 0;

  // The clock that a worker joining now starts from: the smallest clock of the live workers, 0 if there are none.
  virtual uint64_t JoinClock() const = 0;

  // Rules on a push, and takes note of it.
  virtual PushRuling OnPush(const PushFacts& push) = 0;

  // Held pushes that have become due; called again until it returns nothing, after every event above.
  virtual std::optional<PushBatch> TakeReady() = 0;

  // Held pushes that will never be applied (they became late while they waited); the shard acknowledges them as
  // dropped. Called after every event above.
  virtual std::vector<uint64_t> TakeDropped() = 0;

  // Whether a pull may be answered now. A pull that may not waits and is asked about again after every event.
  virtual bool MayAnswer(const PullFacts& pull) const = 0;

  // The state for a checkpoint, and back. Restore refuses what another policy or version wrote. Held pushes are not
  // part of it: their workers were not acknowledged and send them again.
  virtual std::string Save() const = 0;
  virtual absl::Status Restore(absl::string_view state) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_POLICY_H_
