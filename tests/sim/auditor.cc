#include "tests/sim/auditor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "common/base/hash.h"
#include "common/base/string_view.h"

namespace downpour::sim {
namespace {

using Kind = PolicyFacts::Kind;

constexpr WorkerId kNobody = std::numeric_limits<WorkerId>::max();

bool SameBits(const Snapshot& snapshot, const std::vector<float>& wanted) {
  if (snapshot.element_count != wanted.size()) return false;
  size_t done = 0;
  for (size_t i = 0; i < snapshot.blocks.size(); ++i) {
    const std::span<const float> block = snapshot.block(i);
    if (std::memcmp(block.data(), &wanted[done], block.size_bytes()) != 0) return false;
    done += block.size();
  }
  return true;
}

}  // namespace

ShardAuditor::ShardAuditor(const Scenario& scenario, const Ledger& ledger, uint32_t shard)
    : facts_(scenario.facts),
      ledger_(ledger),
      shard_(shard),
      weights_(scenario.elements),
      fates_(scenario.elements),
      members_(scenario.workers) {}

template <typename... Parts>
void ShardAuditor::Fail(const Parts&... parts) {
  if (violation_.empty()) violation_ = absl::StrCat("shard ", shard_, " at version ", version_, ": ", parts...);
}

uint64_t ShardAuditor::LiveCount() const {
  return std::count_if(members_.begin(), members_.end(), [](const Member& member) { return member.live; });
}

WorkerId ShardAuditor::FirstLive() const {
  for (WorkerId worker = 0; worker < members_.size(); ++worker) {
    if (members_[worker].live) return worker;
  }
  return kNobody;
}

uint64_t ShardAuditor::SlowestClock(WorkerId except) const {
  uint64_t slowest = std::numeric_limits<uint64_t>::max();
  for (WorkerId worker = 0; worker < members_.size(); ++worker) {
    if (members_[worker].live && worker != except) slowest = std::min(slowest, members_[worker].clock);
  }
  return slowest;
}

uint64_t ShardAuditor::Fingerprint() {
  if (!fingerprint_fresh_) {
    fingerprint_ = Hash64(std::as_bytes(std::span<const float>(weights_)));
    fingerprint_fresh_ = true;
  }
  return fingerprint_;
}

// ---- Who takes part

void ShardAuditor::OnJoinClock(uint64_t clock) {
  if (facts_.warm_steps > 0) return;
  const uint64_t wanted = facts_.kind == Kind::kRounds ? rounds_ * facts_.steps
                          : LiveCount() > 0            ? SlowestClock(kNobody)
                                                       : parting_clock_;
  if (clock != wanted) Fail("a newcomer would start at clock ", clock, " instead of ", wanted);
}

void ShardAuditor::OnJoin(const Message& join, const MembershipAnswer& answer) {
  Member& member = members_[join.worker];
  const bool again = member.live && member.incarnation == join.incarnation;
  const bool stale = !again && join.incarnation <= member.incarnation;
  if (stale != static_cast<bool>(answer.refusal)) {
    Fail("incarnation ", join.incarnation, " of worker ", join.worker, stale ? " could join" : " could not join",
         " after ", member.incarnation);
  }
  if (!again && !stale) {
    const uint64_t clock = std::max(join.clock, warm_clock_);
    member = {.live = true, .incarnation = join.incarnation, .joined_in_round = rounds_ + 1, .clock = clock};
  }
  OnCompletions(answer.completions);
  CheckWaitingPullsAreLive();
  for (const HeldPush& held : held_) {
    if (held.worker == join.worker && held.incarnation < member.incarnation) {
      Fail("push ", held.coordinate, " of worker ", held.worker, " is held though its worker has joined anew");
    }
  }
}

void ShardAuditor::OnLeave(const Message& leave, const Completions& completions) {
  Member& member = members_[leave.worker];
  if (IsMember(leave.worker, leave.incarnation)) {
    member.live = false;
    if (LiveCount() == 0) parting_clock_ = member.clock;
  }
  OnCompletions(completions);
  CheckWaitingPullsAreLive();
}

void ShardAuditor::CheckWaitingPullsAreLive() {
  for (const WaitingPull& pull : waiting_) {
    if (!IsMember(pull.worker, pull.incarnation)) {
      Fail("a pull of worker ", pull.worker, " incarnation ", pull.incarnation, " waits though that is not live");
    }
  }
}

// ---- Requests

// Whether the shard should let the request in, and if not, why; `reason` is what it said.
void ShardAuditor::CheckAdmission(const Message& request, RefusalReason reason) {
  const auto is = [reason](auto... reasons) { return ((reason == reasons) || ...); };
  const bool by_epoch = is(RefusalReason::kEpochStale, RefusalReason::kEpochFuture);
  const bool by_member =
      is(RefusalReason::kUnknownWorker, RefusalReason::kIncarnationStale, RefusalReason::kIncarnationFuture);
  if ((request.epoch != epoch_) != by_epoch) {
    Fail("a request of epoch ", request.epoch, by_epoch ? " was refused" : " was taken", " at epoch ", epoch_);
  } else if (!by_epoch && IsMember(request.worker, request.incarnation) == by_member) {
    Fail("a request of worker ", request.worker, " incarnation ", request.incarnation,
         by_member ? " was refused though that is live: " : " was taken though that is not live",
         by_member ? ToAbsl(RefusalReasonName(reason)) : "");
  } else if (!by_epoch && !by_member && reason != RefusalReason::kNone) {
    const bool old = reason == RefusalReason::kSequenceOld && request.type == MessageType::kPush &&
                     (fates_[request.coordinate] == Fate::kApplied || fates_[request.coordinate] == Fate::kDropped);
    if (!old) {
      Fail("worker ", request.worker, " keeps to the protocol and was refused: ", ToAbsl(RefusalReasonName(reason)));
    }
  }
}

void ShardAuditor::OnPush(const Message& push, const PushAnswer& answer) {
  const PushOutcome& outcome = answer.outcome;
  CheckAdmission(push, outcome.refusal.reason);
  const uint32_t coordinate = push.coordinate;
  if (outcome.fate != PushFate::kApplied && outcome.version != version_) {
    Fail("an answer names version ", outcome.version);
  }
  if (outcome.fate == PushFate::kRefused) return;
  if (outcome.duplicate) {
    CheckDuplicate(push, outcome);
    return;
  }
  Fate& fate = fates_[coordinate];
  if (fate != Fate::kNone) Fail("push ", coordinate, " of worker ", push.worker, " was taken twice");
  switch (outcome.fate) {
    case PushFate::kApplied:
      fate = Fate::kApplied;
      applied_.push_back({outcome.version, coordinate, outcome.version - 1 - push.version});
      break;
    case PushFate::kHeld:
      fate = Fate::kHeld;
      held_.push_back({push.worker, push.incarnation, push.number, coordinate});
      break;
    default:
      fate = Fate::kDropped;
      CheckDrop(coordinate);
      break;
  }
  OnCompletions(answer.completions);
}

void ShardAuditor::OnDamagedPush(const Message& push, const PushAnswer& answer) {
  const PushOutcome& outcome = answer.outcome;
  if (outcome.duplicate) {  // the whole push under the same number came first; nobody looks at this one
    ++duplicates_;
  } else if (outcome.fate != PushFate::kRefused) {
    Fail("a damaged push of worker ", push.worker, " was taken");
  }
  if (outcome.version != version_ || !answer.completions.empty()) {
    Fail("a damaged push of worker ", push.worker, " changed something");
  }
}

void ShardAuditor::CheckDuplicate(const Message& push, const PushOutcome& outcome) {
  ++duplicates_;
  const Fate fate = fates_[push.coordinate];
  const Fate said = outcome.fate == PushFate::kApplied   ? Fate::kApplied
                    : outcome.fate == PushFate::kDropped ? Fate::kDropped
                                                         : Fate::kHeld;
  if (fate == Fate::kNone) {
    Fail("push ", push.coordinate, " of worker ", push.worker, " came for the first time and was called a duplicate");
  } else if (said != fate) {
    Fail("push ", push.coordinate, " of worker ", push.worker, " came again and was told the wrong fate");
  }
}

void ShardAuditor::CheckDrop(uint32_t coordinate) {
  ++dropped_count_;
  const LedgerEntry& push = ledger_[coordinate];
  const bool late = facts_.kind == Kind::kRounds && RoundOf(push.clock) <= rounds_;
  const bool not_its_turn = WarmingUp() && push.worker != FirstLive();
  if (!late && !not_its_turn) Fail("push ", coordinate, " of worker ", push.worker, " was dropped without need");
}

void ShardAuditor::OnPushCompletion(const PushCompletion& completion) {
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const HeldPush& push) {
    return push.worker == completion.worker && push.incarnation == completion.incarnation &&
           push.sequence == completion.sequence;
  });
  if (held == held_.end()) {
    Fail("a push of worker ", completion.worker, " was completed that is not held");
    return;
  }
  const uint32_t coordinate = held->coordinate;
  held_.erase(held);
  switch (completion.outcome.fate) {
    case PushFate::kApplied:
      fates_[coordinate] = Fate::kApplied;
      applied_.push_back({completion.outcome.version, coordinate, 0});
      break;
    case PushFate::kDropped:
      fates_[coordinate] = Fate::kDropped;
      CheckDrop(coordinate);
      break;
    default:
      fates_[coordinate] = Fate::kFenced;
      ++fenced_count_;
      if (members_[completion.worker].incarnation == completion.incarnation) {
        Fail("push ", coordinate, " of worker ", completion.worker, " was held, and is refused without need");
      }
  }
}

void ShardAuditor::OnCompletions(const Completions& completions) {
  for (const PushCompletion& completion : completions.pushes) OnPushCompletion(completion);
  if (!applied_.empty()) TakeApplied();
  for (const PullCompletion& completion : completions.pulls) {
    const auto waiting = std::find_if(waiting_.begin(), waiting_.end(), [&](const WaitingPull& pull) {
      return pull.worker == completion.worker && pull.incarnation == completion.incarnation &&
             pull.ticket == completion.ticket;
    });
    if (waiting == waiting_.end()) {
      Fail("a pull of worker ", completion.worker, " was answered that does not wait");
      continue;
    }
    const uint64_t asked = waiting->clock;
    waiting_.erase(waiting);
    if (completion.outcome.fate == PullFate::kAnswered) {
      OnPullAnswer(completion.worker, asked, completion.outcome);
    } else if (IsMember(completion.worker, completion.incarnation)) {
      Fail("a waiting pull of worker ", completion.worker, ", which is live, was refused");
    }
  }
  CheckNobodyWaitsInVain();
}

// ---- Updates

void ShardAuditor::TakeApplied() {
  std::sort(applied_.begin(), applied_.end(), [](const Applied& a, const Applied& b) { return a.version < b.version; });
  const Applied* const end = applied_.data() + applied_.size();
  for (const Applied* update = applied_.data(); update != end;) {
    const Applied* next = update;
    while (next != end && next->version == update->version) ++next;
    TakeUpdate(update, next);
    update = next;
  }
  applied_.clear();
}

void ShardAuditor::TakeUpdate(const Applied* begin, const Applied* end) {
  ++version_;
  if (begin->version != version_) Fail("an update is called version ", begin->version);
  fingerprint_fresh_ = false;
  const size_t count = end - begin;
  if (facts_.kind == Kind::kRounds) {
    CheckRound(begin, end);
    ++rounds_;
  } else if (count > 1) {
    Fail(count, " pushes were applied as one");
  }
  const bool was_warming_up = WarmingUp();
  for (const Applied* push = begin; push != end; ++push) {
    ++applied_count_;
    const LedgerEntry& entry = ledger_[push->coordinate];
    Member& member = members_[entry.worker];
    if (was_warming_up && entry.worker != FirstLive()) {
      Fail("push ", push->coordinate, " of worker ", entry.worker, " was applied while another trains alone");
    }
    float scale = facts_.scale;
    if (facts_.kind == Kind::kRounds) scale = 1.0f / static_cast<float>(count);
    if (facts_.shared_by_live) scale = 1.0f / static_cast<float>(LiveCount());
    const float rate = facts_.staleness_rate && push->staleness > 1 ? 1.0f / static_cast<float>(push->staleness) : 1.0f;
    const float gradient = Ledger::ValueAt(push->coordinate) * scale;
    weights_[push->coordinate] -= rate * gradient;
    job_clock_ = std::max(job_clock_, entry.clock);
    if (member.incarnation == entry.incarnation) member.clock = std::max(member.clock, entry.clock);
  }
  if (was_warming_up && !WarmingUp()) {
    warm_clock_ = job_clock_;
    for (Member& member : members_) {
      member.clock = std::max(member.clock, warm_clock_);
      member.joined_in_round = rounds_ + 1;
    }
  }
}

void ShardAuditor::CheckRound(const Applied* begin, const Applied* end) {
  const uint64_t count = end - begin;
  std::vector<bool> in_batch(members_.size());
  for (const Applied* push = begin; push != end; ++push) {
    const LedgerEntry& entry = ledger_[push->coordinate];
    if (RoundOf(entry.clock) != rounds_ + 1) {
      Fail("a push for step ", entry.clock, " was averaged into round ", rounds_ + 1);
    }
    if (in_batch[entry.worker]) Fail("worker ", entry.worker, " counts twice in round ", rounds_ + 1);
    in_batch[entry.worker] = true;
  }
  if (facts_.required > 0 && count > facts_.required) Fail("a round of ", count, " pushes");
  for (const HeldPush& held : held_) {
    if (RoundOf(ledger_[held.coordinate].clock) <= rounds_ + 1) {
      Fail("push ", held.coordinate, " of worker ", held.worker, " is left behind by its round");
    }
  }
  if (WarmingUp() || (facts_.required > 0 && count == facts_.required)) return;
  for (WorkerId worker = 0; worker < members_.size(); ++worker) {
    const Member& member = members_[worker];
    const bool was_at_it = member.live && member.answered && member.answered_at == rounds_ * facts_.steps;
    if (was_at_it && member.joined_in_round <= rounds_ && !in_batch[worker]) {
      Fail("round ", rounds_ + 1, " of ", count, " pushes did not wait for worker ", worker);
    }
  }
}

// ---- Pulls

void ShardAuditor::OnPull(const Message& pull, const PullOutcome& outcome) {
  CheckAdmission(pull, outcome.refusal.reason);
  if (outcome.fate == PullFate::kRefused) return;
  std::erase_if(waiting_, [&](const WaitingPull& waiting) {
    return waiting.worker == pull.worker && waiting.ticket == pull.number;
  });
  if (outcome.fate == PullFate::kAnswered) {
    OnPullAnswer(pull.worker, pull.clock, outcome);
  } else {
    waiting_.push_back({pull.worker, pull.incarnation, pull.number, pull.clock});
    CheckNobodyWaitsInVain();
  }
}

void ShardAuditor::OnPullAnswer(WorkerId worker, uint64_t asked, const PullOutcome& outcome) {
  Member& member = members_[worker];
  if (!member.live) Fail("worker ", worker, " got an answer and is not live");
  if (outcome.weights.version != version_) Fail("weights are called version ", outcome.weights.version);
  if (!SameBits(outcome.weights.values, weights_)) {
    Fail("worker ", worker, " got weights that are not the sum of the pushes applied");
  }
  if (WarmingUp()) {
    if (worker != FirstLive()) Fail("worker ", worker, " got weights while another trains alone");
  } else if (facts_.kind == Kind::kBounded && asked > facts_.bound && SlowestClock(worker) < asked - facts_.bound) {
    Fail("worker ", worker, " got weights at clock ", asked, ", the slowest is at ", SlowestClock(worker));
  } else if (facts_.kind == Kind::kRounds && RoundOf(asked) > rounds_) {
    Fail("worker ", worker, " got weights at clock ", asked, " before that step was finished");
  }
  if (facts_.kind == Kind::kRounds && outcome.clock != rounds_ * facts_.steps) {
    Fail("worker ", worker, " is to go on from clock ", outcome.clock, " after round ", rounds_);
  } else if (facts_.kind != Kind::kRounds && facts_.warm_steps == 0 && outcome.clock != asked) {
    Fail("worker ", worker, " asked at clock ", asked, " and is to go on from ", outcome.clock);
  }
  member.answered = true;
  member.answered_at = outcome.clock;
}

void ShardAuditor::CheckNobodyWaitsInVain() {
  if (facts_.kind == Kind::kRounds || WarmingUp()) return;
  for (const WaitingPull& pull : waiting_) {
    if (facts_.kind == Kind::kImmediate || pull.clock <= facts_.bound ||
        SlowestClock(pull.worker) >= pull.clock - facts_.bound) {
      Fail("a pull of worker ", pull.worker, " at clock ", pull.clock, " waits without need");
    }
  }
}

// ---- The end

void ShardAuditor::Finish(const Shard& shard) {
  if (!SameBits(shard.Read(/*average=*/false)->values, weights_)) {
    Fail("the weights are not the sum of the pushes applied");
  }
  const ShardCounters counters = shard.counters();
  const auto check = [this](const char* what, uint64_t counted, uint64_t wanted) {
    if (counted != wanted) Fail("it counted ", counted, " ", what, " instead of ", wanted);
  };
  check("versions", counters.version, version_);
  check("pushes applied", counters.pushes_applied, applied_count_);
  check("pushes dropped", counters.pushes_dropped, dropped_count_);
  check("pushes fenced", counters.pushes_fenced, fenced_count_);
  check("pushes held", counters.pushes_held, held_.size());
  check("duplicates", counters.duplicates, duplicates_);
  check("pulls waiting", counters.pulls_waiting, waiting_.size());
}

}  // namespace downpour::sim
