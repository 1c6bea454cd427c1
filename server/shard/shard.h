#ifndef DOWNPOUR_SERVER_SHARD_SHARD_H_
#define DOWNPOUR_SERVER_SHARD_SHARD_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/base/mutex.h"
#include "kernels/interface.h"
#include "kernels/slices.h"
#include "server/consistency/policy.h"
#include "server/optimizer/optimizer.h"
#include "server/shard/counters.h"
#include "server/shard/pull.h"
#include "server/shard/push.h"
#include "server/shard/refusal.h"
#include "server/shard/sequence_window.h"
#include "server/store/block_pool.h"
#include "server/store/table.h"

namespace downpour {

// Answers to earlier requests that came due during a call. The caller delivers each to the connection of its worker, or
// throws it away where there is none: a push that was applied and not acknowledged is sent again, and is then answered
// as a duplicate. The order of completions of different calls says nothing.
struct Completions {
  std::vector<PushCompletion> pushes;
  std::vector<PullCompletion> pulls;

  bool empty() const { return pushes.empty() && pulls.empty(); }
};

struct PushAnswer {
  PushOutcome outcome;
  Completions completions;  // of other requests
};

struct MembershipAnswer {
  Refusal refusal;  // none: done
  Completions completions;
};

struct ShardOptions {
  std::string name = {};    // in messages: "conv1/weights[0, 1048576)"
  uint64_t epoch = 1;       // of the shard map that gave the shard to this server
  bool whole_table = true;  // no other shard has a part of the table, so that its norms are the table's
  // A statistic in a job that keeps averages: it is a mean already, and who asks for its average gets it as it is.
  bool is_its_own_average = false;

  const Kernels* kernels = nullptr;  // null: BestKernels()
};

// One shard of a table with everything that rules it: the weights and slots, the optimizer that updates them, the
// policy that says when, and the memory of which pushes have been applied. What the simulator drives, what the
// in-process carrier calls, and what the gRPC service stands in front of.
//
// Promises:
//   - a push whose outcome or completion is kApplied is in the weights exactly once, however often it was sent, and one
//     that is refused has changed nothing;
//   - a pull gives the weights of one version, whole, and they never change while they are held;
//   - nothing waits for a worker that has left;
//   - the same calls in the same order leave the same bits.
//
// Thread-safe: any thread may call any method at any time; the shard has one lock, held during an update. Starts no
// threads, asks no clock, calls nobody back: what comes due later is returned by the call that made it due.
class Shard {
 public:
  // `table`, with the slots and the average that `optimizer` asks for, and `policy` are this shard's own; the optimizer
  // may serve many. `pool` is for sums of gradients and outlives the shard.
  Shard(ShardOptions options, std::unique_ptr<TableShard> table, std::shared_ptr<const Optimizer> optimizer,
        std::unique_ptr<Policy> policy, BlockPool* pool);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // ---- Who takes part. Every shard of a job hears of the same joins and leaves.

  // A worker takes part from now on, at `clock`. A larger incarnation than the worker's last fences that one: its held
  // pushes are thrown away, its waiting pulls are refused, and so is all that it sends from now on. The incarnation
  // that is joined already: done, nothing changes (a retry). Refused: a smaller one, or one that has left.
  MembershipAnswer Join(WorkerId worker, uint64_t incarnation, uint64_t clock);

  // The worker leaves or is given up for dead; what it sends is refused until it joins with a larger incarnation.
  // Pushes it had acknowledged as held stay in their batch. No effect unless that very incarnation is joined.
  Completions Leave(WorkerId worker, uint64_t incarnation);

  // The clock that a worker that joins a running job starts from: it takes the smallest that its shards name.
  uint64_t JoinClock() const;

  // ---- What workers ask for

  // Checks the whole push before it writes anything, in the order of RefusalReason; then applies it, keeps it for
  // later, or drops it, as the policy rules.
  PushAnswer Push(PushRequest request);

  // Answers now or lets the pull wait, as the policy rules. Makes nothing else due.
  PullOutcome Pull(const PullRequest& request);

  // ---- What the server itself asks for

  // The weights now, past the policy: for evaluation, status and checkpoints. FAILED_PRECONDITION if the average is
  // wanted and the job keeps none.
  absl::StatusOr<Weights> Read(bool average) const;

  // A new shard map, in which the shard stays here. Refuses to go back.
  absl::Status SetEpoch(uint64_t epoch);

  ShardCounters counters() const;

  // Of everything that a later call may depend on: weights, slots, average, version, windows, members, policy, held
  // pushes and waiting pulls; not of counters. Equal states have equal hashes on every machine.
  uint64_t Hash() const;

  const std::string& name() const { return options_.name; }
  size_t element_count() const { return element_count_; }

 private:
  // A push that waits for its batch.
  struct HeldPush {
    PushRequest request;
    uint64_t staleness = 0;  // at arrival
  };

  // A worker that has ever joined.
  struct Member {
    bool live = false;
    uint64_t incarnation = 0;     // the last that joined
    SequenceWindow window;        // of that incarnation
    std::vector<Weights> pulled;  // what delay compensation may need, by rising version
  };
  using PullKey = std::pair<WorkerId, uint64_t>;  // and ticket

  // ---- Checks (shard_checks.cc): find what is wrong, and change nothing.
  Refusal CheckSender(uint64_t epoch, WorkerId worker, uint64_t incarnation) const DP_REQUIRES(mutex_);
  Refusal CheckSequence(const PushRequest& push, SequenceWindow::Fate fate) const DP_REQUIRES(mutex_);
  Refusal CheckPull(const PullRequest& pull) const DP_REQUIRES(mutex_);
  // Everything but the elements.
  Refusal CheckPush(const PushRequest& push, SequenceWindow::Fate fate) const DP_REQUIRES(mutex_);
  SequenceWindow::Fate FateOf(const PushRequest& push) const DP_REQUIRES(mutex_);

  // ---- One push (shard_push.cc)

  // What a push can be answered before its elements are looked at: a refusal, or the fate of a duplicate.
  std::optional<PushOutcome> AnswerEarly(const PushRequest& push) DP_REQUIRES(mutex_);
  // Rules on a push that is all right, and applies, keeps or drops it.
  PushOutcome Admit(PushRequest request) DP_REQUIRES(mutex_);
  void ApplyNow(const PushRequest& push, const PushRuling& ruling, std::span<const UpdateArrays> blocks,
                const Snapshot* pulled) DP_REQUIRES(mutex_);
  // The weights that a late push was computed from, if the optimizer wants them and they are kept.
  const Snapshot* FindPulled(const PushRequest& push) const DP_REQUIRES(mutex_);
  PushOutcome Refused(Refusal refusal) DP_REQUIRES(mutex_);

  // ---- Held pushes (shard_batch.cc)
  void ApplyBatch(const PushBatch& batch, Completions* completions) DP_REQUIRES(mutex_);
  Refusal ApplyTogether(const std::vector<const PushRequest*>& pushes, float scale) DP_REQUIRES(mutex_);
  void FinishHeld(uint64_t push_id, PushOutcome outcome, Completions* completions) DP_REQUIRES(mutex_);
  void FenceHeld(WorkerId worker, const Refusal& refusal, Completions* completions) DP_REQUIRES(mutex_);

  // ---- Both
  void Update(const StepFacts& facts, Slices gradient, DType dtype, std::span<const UpdateArrays> blocks)
      DP_REQUIRES(mutex_);
  void CountApplied(const PushRequest& push, uint64_t staleness) DP_REQUIRES(mutex_);

  // What an event has made due: pushes to drop, batches to apply, pulls to answer.
  void Settle(Completions* completions) DP_REQUIRES(mutex_);

  // ---- Pulls
  PullOutcome Answer(const PullRequest& pull) DP_REQUIRES(mutex_);
  void RefuseWaiting(WorkerId worker, const Refusal& refusal, Completions* completions) DP_REQUIRES(mutex_);

  void Count(const Refusal& refusal) DP_REQUIRES(mutex_) { ++counters_.refusals[static_cast<size_t>(refusal.reason)]; }

  const ShardOptions options_;
  const Kernels& kernels_;
  const std::shared_ptr<const Optimizer> optimizer_;
  BlockPool* const pool_;
  const size_t element_count_;
  const bool has_average_;

  mutable Mutex mutex_;
  uint64_t epoch_ DP_GUARDED_BY(mutex_);
  uint64_t version_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t next_push_id_ DP_GUARDED_BY(mutex_) = 1;
  const std::unique_ptr<TableShard> table_ DP_PT_GUARDED_BY(mutex_);
  const std::unique_ptr<Policy> policy_ DP_PT_GUARDED_BY(mutex_);
  std::map<WorkerId, Member> members_ DP_GUARDED_BY(mutex_);
  std::map<uint64_t, HeldPush> held_ DP_GUARDED_BY(mutex_);  // by push id
  std::map<PullKey, PullRequest> waiting_ DP_GUARDED_BY(mutex_);
  ShardCounters counters_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_SHARD_H_
