#include "server/shard/shard.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "kernels/kernels.h"

namespace downpour {
namespace {

// A worker computes on one version while the next one is on its way.
constexpr size_t kPulledKept = 2;

}  // namespace

Shard::Shard(ShardOptions options, std::unique_ptr<TableShard> table, std::shared_ptr<const Optimizer> optimizer,
             std::unique_ptr<Policy> policy, BlockPool* pool)
    : options_(std::move(options)),
      kernels_(options_.kernels != nullptr ? *options_.kernels : BestKernels()),
      optimizer_(std::move(optimizer)),
      pool_(pool),
      element_count_(table->element_count()),
      has_average_(table->has_average() || options_.is_its_own_average),
      epoch_(options_.epoch),
      table_(std::move(table)),
      policy_(std::move(policy)) {}

// ---- Who takes part

MembershipAnswer Shard::Join(WorkerId worker, uint64_t incarnation, uint64_t clock) {
  MembershipAnswer answer;
  MutexLock lock(&mutex_);
  const auto found = members_.find(worker);
  const uint64_t last = found != members_.end() ? found->second.incarnation : 0;
  if (found != members_.end() && found->second.live && incarnation == last) return answer;
  if (incarnation <= last) {
    answer.refusal = Refusal(RefusalReason::kIncarnationStale,
                             absl::StrCat(options_.name, ": worker ", worker, " cannot join as incarnation ",
                                          incarnation, ": it must be above ", last, "; ask for a new one"));
    Count(answer.refusal);
    return answer;
  }
  const Refusal fenced(RefusalReason::kIncarnationStale, absl::StrCat(options_.name, ": worker ", worker,
                                                                      " has joined anew as incarnation ", incarnation));
  RefuseWaiting(worker, fenced, &answer.completions);
  FenceHeld(worker, fenced, &answer.completions);
  Member& member = members_[worker];
  member = Member();
  member.live = true;
  member.incarnation = incarnation;
  policy_->WorkerJoined(worker, clock);
  Settle(&answer.completions);
  return answer;
}

Completions Shard::Leave(WorkerId worker, uint64_t incarnation) {
  Completions completions;
  MutexLock lock(&mutex_);
  const auto found = members_.find(worker);
  if (found == members_.end() || !found->second.live || found->second.incarnation != incarnation) return completions;
  found->second.live = false;
  found->second.pulled.clear();
  RefuseWaiting(worker,
                Refusal(RefusalReason::kUnknownWorker, absl::StrCat(options_.name, ": worker ", worker, " has left")),
                &completions);
  policy_->WorkerLeft(worker);
  Settle(&completions);
  return completions;
}

uint64_t Shard::JoinClock() const {
  MutexLock lock(&mutex_);
  return policy_->JoinClock();
}

void Shard::Settle(Completions* completions) {
  while (true) {
    for (const uint64_t push_id : policy_->TakeDropped()) {
      PushOutcome dropped;
      dropped.fate = PushFate::kDropped;
      FinishHeld(push_id, std::move(dropped), completions);
    }
    const std::optional<PushBatch> batch = policy_->TakeReady();
    if (!batch.has_value()) break;
    ApplyBatch(*batch, completions);
  }
  for (auto waiting = waiting_.begin(); waiting != waiting_.end();) {
    const PullRequest& pull = waiting->second;
    if (policy_->MayAnswer({.worker = pull.worker, .clock = pull.clock})) {
      completions->pulls.push_back({pull.worker, pull.incarnation, pull.ticket, Answer(pull)});
      waiting = waiting_.erase(waiting);
    } else {
      ++waiting;
    }
  }
}

// ---- Pulls

PullOutcome Shard::Pull(const PullRequest& request) {
  PullOutcome outcome;
  MutexLock lock(&mutex_);
  outcome.refusal = CheckPull(request);
  if (outcome.refusal) {
    Count(outcome.refusal);
    return outcome;
  }
  if (policy_->MayAnswer({.worker = request.worker, .clock = request.clock})) return Answer(request);
  waiting_.insert_or_assign(PullKey(request.worker, request.ticket), request);
  outcome.fate = PullFate::kWaiting;
  return outcome;
}

PullOutcome Shard::Answer(const PullRequest& pull) {
  PullOutcome outcome;
  outcome.fate = PullFate::kAnswered;
  outcome.weights.version = version_;
  outcome.weights.values = pull.want_average && table_->has_average() ? table_->Average() : table_->Weights();
  outcome.clock = policy_->AnswerClock({.worker = pull.worker, .clock = pull.clock});
  ++counters_.pulls_answered;
  counters_.pull_bytes += outcome.weights.values.element_count * sizeof(float);
  if (optimizer_->needs_pulled_weights() && !pull.want_average) {
    std::vector<Weights>& pulled = members_.at(pull.worker).pulled;
    if (pulled.empty() || pulled.back().version != version_) pulled.push_back(outcome.weights);
    if (pulled.size() > kPulledKept) pulled.erase(pulled.begin());
  }
  return outcome;
}

void Shard::RefuseWaiting(WorkerId worker, const Refusal& refusal, Completions* completions) {
  auto waiting = waiting_.lower_bound(PullKey(worker, 0));
  while (waiting != waiting_.end() && waiting->first.first == worker) {
    PullOutcome outcome;
    outcome.refusal = refusal;
    Count(refusal);
    completions->pulls.push_back({worker, waiting->second.incarnation, waiting->second.ticket, std::move(outcome)});
    waiting = waiting_.erase(waiting);
  }
}

// ---- What the server itself asks for

absl::StatusOr<Weights> Shard::Read(bool average) const {
  if (average && !has_average_) {
    return absl::FailedPreconditionError(absl::StrCat(options_.name, ": the job keeps no average of the weights"));
  }
  MutexLock lock(&mutex_);
  return Weights{version_, average && table_->has_average() ? table_->Average() : table_->Weights()};
}

absl::Status Shard::SetEpoch(uint64_t epoch) {
  MutexLock lock(&mutex_);
  if (epoch < epoch_) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.name, ": the epoch ", epoch_, " cannot go back to ", epoch));
  }
  epoch_ = epoch;
  return absl::OkStatus();
}

ShardCounters Shard::counters() const {
  MutexLock lock(&mutex_);
  ShardCounters counters = counters_;
  counters.version = version_;
  counters.pushes_held = held_.size();
  counters.pulls_waiting = waiting_.size();
  return counters;
}

uint64_t Shard::Hash() const {
  MutexLock lock(&mutex_);
  std::vector<uint64_t> state = {epoch_, version_, next_push_id_};
  for (const auto& [worker, member] : members_) {
    const SequenceWindow::State window = member.window.state();
    state.insert(state.end(), {worker, member.live, member.incarnation, window.highest, window.taken, window.applied,
                               window.dropped, member.pulled.size()});
    for (const Weights& weights : member.pulled) state.push_back(weights.version);
  }
  state.push_back(held_.size());
  for (const auto& [push_id, held] : held_) {
    state.insert(state.end(), {push_id, held.request.worker, held.request.incarnation, held.request.sequence});
  }
  state.push_back(waiting_.size());
  for (const auto& [key, pull] : waiting_) {
    state.insert(state.end(), {key.first, key.second, pull.incarnation, pull.clock, pull.want_average});
  }
  const uint64_t hash = Hash64(policy_->Save(), Hash64(std::as_bytes(std::span(state))));
  return table_->Hash(hash);
}

}  // namespace downpour
