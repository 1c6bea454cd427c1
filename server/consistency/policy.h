#ifndef DOWNPOUR_SERVER_CONSISTENCY_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_POLICY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

// The consistency rule of a job: when a push is applied, when a pull is answered. One instance rules one shard; every
// shard of a job has its own and hears of the same joins and departures. A policy is pure: it keeps counts of what it
// was told and answers; it has no threads, no clock, no data, and it never looks at a gradient. It is called under the
// lock of its shard. docs/consistency.md says what each policy promises; policy_conformance.h is what all have in
// common.

namespace downpour {

using WorkerId = uint32_t;

// A push as the policy sees it. It has passed every other check (version_pulled <= version_now among them) and is not a
// duplicate.
struct PushFacts {
  WorkerId worker = 0;
  uint64_t push_id = 0;         // names the push until it is applied or dropped; grows with every push of the shard
  uint64_t clock = 0;           // steps that the worker has finished, this push's own included (the first push says 1;
                                // where a worker pushes every n steps, the first push says n)
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
  float rate_scale = 1;      // of kApply: multiplies the learning rate (staleness-aware rate)
  float gradient_scale = 1;  // of kApply: multiplies the gradient (averaging: the difference counts 1/n, or rho)
  std::string reason = {};   // of kRefuse: what the worker did wrong
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

  // A worker takes part from now on, at `clock`: the smallest JoinClock() of all its shards. Joining again (a new
  // incarnation, whether or not WorkerLeft came between) drops what the old one still held.
  virtual void WorkerJoined(WorkerId worker, uint64_t clock) = 0;

  // The worker left or died. It stops counting at once and nothing waits for it any more; what it had pushed before
  // stays in its batch. Nothing happens if it was not live.
  virtual void WorkerLeft(WorkerId worker) = 0;

  // The clock that a worker joining now starts from: the smallest clock of the live workers (under a policy that goes
  // step by step, the last step that is finished). While there are none it is the clock that the last of them had
  // reached, 0 in a new job.
  virtual uint64_t JoinClock() const = 0;

  // Rules on a push, and takes note of it unless it is refused. The push of a worker that is not live is refused.
  virtual PushRuling OnPush(const PushFacts& push) = 0;

  // Held pushes that have become due; called again until it returns nothing, after every event above.
  virtual std::optional<PushBatch> TakeReady() = 0;

  // Held pushes that will never be applied (their worker joined anew, or they became late while they waited); the
  // shard acknowledges them as dropped. Called after every event above, before TakeReady.
  virtual std::vector<uint64_t> TakeDropped() = 0;

  // Whether a pull may be answered now. A pull that may not waits and is asked about again after every event. The pull
  // of a worker that is not live may not; readers that are no workers (evaluation, export) are not asked about at all.
  virtual bool MayAnswer(const PullFacts& pull) const = 0;

  // The clock that the worker goes on from, told with the answer to its pull: its own, a later one where the job has
  // gone on without it (a backup worker that was late, one that waited for the warm start), an earlier one where its
  // last step was dropped and has to be taken again (its turn in the warm start was over, and is back). A worker with
  // several shards takes the smallest that they name, so that none of them waits for a step that nobody will take.
  virtual uint64_t AnswerClock(const PullFacts& pull) const { return pull.clock; }

  // The state for a checkpoint, and back. Live workers and their clocks are part of it; whoever restores tells of those
  // that do not come back (WorkerLeft). Held pushes are not: their workers were not acknowledged and send them again.
  // Restore refuses what another policy or version wrote and what is damaged, and then changes nothing.
  virtual std::string Save() const = 0;
  virtual absl::Status Restore(std::string_view state) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_POLICY_H_
