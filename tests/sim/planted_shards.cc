#include "tests/sim/planted_shards.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "tests/sim/ledger.h"

namespace downpour::sim {
namespace {

PushAnswer Duplicate(uint64_t version) {
  PushAnswer answer;
  answer.outcome.fate = PushFate::kApplied;
  answer.outcome.duplicate = true;
  answer.outcome.version = version;
  return answer;
}

// Recognises a push only among the last `window` of its worker: what comes later gets a number of its own.
class ShortWindow final : public ShardPort {
 public:
  ShortWindow(Shard& shard, size_t window) : ShardPort(shard), window_(window) {}

  PushAnswer Push(PushRequest request) override {
    if (request.sequence == 0) return ShardPort::Push(std::move(request));
    Memory& memory = memories_[{request.worker, request.incarnation}];
    const auto known = std::find_if(memory.last.begin(), memory.last.end(),
                                    [&](const auto& pair) { return pair.first == request.sequence; });
    if (known != memory.last.end()) {
      request.sequence = known->second;
      return ShardPort::Push(std::move(request));
    }
    const uint64_t sequence = request.sequence;
    const uint64_t number = request.sequence = memory.next;
    PushAnswer answer = ShardPort::Push(std::move(request));
    if (answer.outcome.fate != PushFate::kRefused) {
      ++memory.next;
      memory.last.emplace_back(sequence, number);
      if (memory.last.size() > window_) memory.last.pop_front();
    }
    return answer;
  }

 private:
  struct Memory {
    uint64_t next = 1;
    std::deque<std::pair<uint64_t, uint64_t>> last;  // as sent, as numbered here
  };
  const size_t window_;
  std::map<std::pair<WorkerId, uint64_t>, Memory> memories_;
};

// Remembers applied numbers by worker alone, or by nothing at all.
class WindowOfOthers final : public ShardPort {
 public:
  WindowOfOthers(Shard& shard, bool per_worker) : ShardPort(shard), per_worker_(per_worker) {}

  PushAnswer Push(PushRequest request) override {
    const std::pair<WorkerId, uint64_t> key = {per_worker_ ? request.worker : 0, request.sequence};
    const std::pair<WorkerId, uint64_t> sender = {request.worker, request.incarnation};
    const auto known = applied_.find(key);
    if (known != applied_.end() && known->second != sender) return Duplicate(shard().counters().version);
    PushAnswer answer = ShardPort::Push(std::move(request));
    if (answer.outcome.fate == PushFate::kApplied) applied_.emplace(key, sender);
    return answer;
  }

 private:
  const bool per_worker_;
  std::map<std::pair<WorkerId, uint64_t>, std::pair<WorkerId, uint64_t>> applied_;
};

class AckBeforeApply final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  PushAnswer Push(PushRequest request) override {
    PushAnswer answer = ShardPort::Push(std::move(request));
    if (answer.outcome.fate == PushFate::kHeld) answer.outcome.fate = PushFate::kApplied;
    return answer;
  }
};

class AckWithoutApply final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  PushAnswer Push(PushRequest request) override {
    PushAnswer answer;
    if (++pushes_ % 50 != 0) return ShardPort::Push(std::move(request));
    answer.outcome.fate = PushFate::kApplied;
    answer.outcome.version = shard().counters().version + 1;
    return answer;
  }

 private:
  uint64_t pushes_ = 0;
};

class StaleIncarnationAccepted final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  MembershipAnswer Join(WorkerId worker, uint64_t incarnation, uint64_t clock) override {
    newest_[worker] = std::max(newest_[worker], incarnation);
    return ShardPort::Join(worker, incarnation, clock);
  }
  PushAnswer Push(PushRequest request) override {
    request.incarnation = newest_[request.worker];
    return ShardPort::Push(std::move(request));
  }

 private:
  std::map<WorkerId, uint64_t> newest_;
};

class StaleEpochAccepted final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  absl::Status SetEpoch(uint64_t epoch) override {
    epoch_ = epoch;
    return ShardPort::SetEpoch(epoch);
  }
  PushAnswer Push(PushRequest request) override {
    request.epoch = std::max(request.epoch, epoch_);
    return ShardPort::Push(std::move(request));
  }

 private:
  uint64_t epoch_ = 1;
};

class LeaveHitsAnyIncarnation final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  MembershipAnswer Join(WorkerId worker, uint64_t incarnation, uint64_t clock) override {
    newest_[worker] = std::max(newest_[worker], incarnation);
    return ShardPort::Join(worker, incarnation, clock);
  }
  Completions Leave(WorkerId worker, uint64_t) override { return ShardPort::Leave(worker, newest_[worker]); }

 private:
  std::map<WorkerId, uint64_t> newest_;
};

class VersionNotAdvanced final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  PushAnswer Push(PushRequest request) override {
    PushAnswer answer = ShardPort::Push(std::move(request));
    PushOutcome& outcome = answer.outcome;
    if (outcome.fate == PushFate::kApplied && outcome.version % 32 == 0) --outcome.version;
    return answer;
  }
};

// A copy of the snapshot's first block that starts with the first half of `other`.
Snapshot Mix(BlockPool& pool, const Snapshot& snapshot, const Snapshot& other) {
  Snapshot mixed = snapshot;
  mixed.blocks[0] = pool.Allocate(snapshot.block(0).size());
  std::memcpy(mixed.blocks[0]->data(), snapshot.block(0).data(), snapshot.block(0).size_bytes());
  std::memcpy(mixed.blocks[0]->data(), other.block(0).data(), snapshot.block(0).size_bytes() / 2);
  return mixed;
}

class TornPull final : public ShardPort {
 public:
  TornPull(Shard& shard, BlockPool& pool) : ShardPort(shard), pool_(pool) {}
  PullOutcome Pull(const PullRequest& request) override {
    PullOutcome outcome = ShardPort::Pull(request);
    if (outcome.fate != PullFate::kAnswered) return outcome;
    const Snapshot now = outcome.weights.values;
    if (!before_.blocks.empty()) outcome.weights.values = Mix(pool_, now, before_);
    before_ = now;
    return outcome;
  }

 private:
  BlockPool& pool_;
  Snapshot before_;
};

// Gives out one and the same block, and writes the newest weights into it.
class AnswerChangesLater final : public ShardPort {
 public:
  AnswerChangesLater(Shard& shard, BlockPool& pool) : ShardPort(shard), pool_(pool) {}
  PullOutcome Pull(const PullRequest& request) override {
    PullOutcome outcome = ShardPort::Pull(request);
    if (outcome.fate != PullFate::kAnswered) return outcome;
    if (shared_.blocks.empty()) shared_ = Mix(pool_, outcome.weights.values, outcome.weights.values);
    const std::span<const float> now = outcome.weights.values.block(0);
    std::memcpy(shared_.blocks[0]->data(), now.data(), now.size_bytes());
    outcome.weights.values = shared_;
    return outcome;
  }

 private:
  BlockPool& pool_;
  Snapshot shared_;
};

class DropAcknowledgedAsApplied final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  PushAnswer Push(PushRequest request) override {
    PushAnswer answer = ShardPort::Push(std::move(request));
    if (answer.outcome.fate == PushFate::kDropped) answer.outcome.fate = PushFate::kApplied;
    return answer;
  }
};

class RetryOfHeldCounted final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  PushAnswer Push(PushRequest request) override {
    PushRequest again = request;
    again.sequence += 32;
    PushAnswer answer = ShardPort::Push(std::move(request));
    if (!answer.outcome.duplicate || answer.outcome.fate != PushFate::kHeld) return answer;
    return ShardPort::Push(std::move(again));
  }
};

class NanAccepted final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  PushAnswer Push(PushRequest request) override {
    PushRequest mended = request;
    PushAnswer answer = ShardPort::Push(std::move(request));
    if (answer.outcome.refusal.reason != RefusalReason::kNotFinite) return answer;
    mended.slices = Ledger::GradientAt(Ledger::kElementsMax, mended.element_count);
    return ShardPort::Push(std::move(mended));
  }
};

class WaitingPullsForgottenOnLeave final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  Completions Leave(WorkerId worker, uint64_t incarnation) override {
    Completions completions = ShardPort::Leave(worker, incarnation);
    std::erase_if(completions.pulls, [](const PullCompletion& p) { return p.outcome.fate == PullFate::kAnswered; });
    return completions;
  }
};

class OldPullLeftWaiting final : public ShardPort {
 public:
  using ShardPort::ShardPort;
  MembershipAnswer Join(WorkerId worker, uint64_t incarnation, uint64_t clock) override {
    MembershipAnswer answer = ShardPort::Join(worker, incarnation, clock);
    std::erase_if(answer.completions.pulls,
                  [](const PullCompletion& pull) { return pull.outcome.fate == PullFate::kRefused; });
    return answer;
  }
};

}  // namespace

std::unique_ptr<ShardPort> MakeShardPort(Shard& shard, BlockPool& pool, Bug bug) {
  switch (bug) {
    case Bug::kRetryAppliedTwice:
      return std::make_unique<ShortWindow>(shard, 0);
    case Bug::kWindowTooShort:
      return std::make_unique<ShortWindow>(shard, 4);
    case Bug::kWindowNotPerIncarnation:
      return std::make_unique<WindowOfOthers>(shard, /*per_worker=*/true);
    case Bug::kWindowSharedByWorkers:
      return std::make_unique<WindowOfOthers>(shard, /*per_worker=*/false);
    case Bug::kAckBeforeApply:
      return std::make_unique<AckBeforeApply>(shard);
    case Bug::kAckWithoutApply:
      return std::make_unique<AckWithoutApply>(shard);
    case Bug::kStaleIncarnationAccepted:
      return std::make_unique<StaleIncarnationAccepted>(shard);
    case Bug::kStaleEpochAccepted:
      return std::make_unique<StaleEpochAccepted>(shard);
    case Bug::kLeaveHitsAnyIncarnation:
      return std::make_unique<LeaveHitsAnyIncarnation>(shard);
    case Bug::kVersionNotAdvanced:
      return std::make_unique<VersionNotAdvanced>(shard);
    case Bug::kTornPull:
      return std::make_unique<TornPull>(shard, pool);
    case Bug::kAnswerChangesLater:
      return std::make_unique<AnswerChangesLater>(shard, pool);
    case Bug::kDropAcknowledgedAsApplied:
      return std::make_unique<DropAcknowledgedAsApplied>(shard);
    case Bug::kRetryOfHeldCounted:
      return std::make_unique<RetryOfHeldCounted>(shard);
    case Bug::kWaitingPullsForgottenOnLeave:
      return std::make_unique<WaitingPullsForgottenOnLeave>(shard);
    case Bug::kOldPullLeftWaiting:
      return std::make_unique<OldPullLeftWaiting>(shard);
    case Bug::kNanAccepted:
      return std::make_unique<NanAccepted>(shard);
    default:
      return std::make_unique<ShardPort>(shard);
  }
}

}  // namespace downpour::sim
