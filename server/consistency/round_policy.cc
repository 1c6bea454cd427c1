#include "server/consistency/round_policy.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"
#include "server/consistency/policy_state.h"
#include "server/consistency/refusals.h"

namespace downpour {
namespace {

constexpr uint32_t kStateVersion = 1;

}  // namespace

void RoundPolicy::SeatAll() {
  for (const LiveWorkers::Worker& worker : live_.workers()) {
    if (SeatOf(worker) == kPushed) continue;
    awaited_ += SeatOf(worker) != kAwaited;
    Sit(worker, kAwaited);
  }
}

void RoundPolicy::SeatAllIfNobodyIsEstablished() {
  const bool somebody = std::any_of(live_.workers().begin(), live_.workers().end(),
                                    [](const LiveWorkers::Worker& worker) { return worker.mark & kEstablished; });
  if (!somebody) SeatAll();
}

void RoundPolicy::WorkerLeft(WorkerId id) {
  const LiveWorkers::Worker* worker = live_.Find(id);
  awaited_ -= worker != nullptr && SeatOf(*worker) == kAwaited;
  live_.Leave(id);
  SeatAllIfNobodyIsEstablished();
}

void RoundPolicy::WorkerJoined(WorkerId id, uint64_t clock) {
  std::erase_if(held_, [&](const Held& held) {
    if (held.worker == id) dropped_.push_back(held.push_id);
    return held.worker == id;
  });
  WorkerLeft(id);
  live_.Join(id, clock);
  live_.SetMark(id, kNewcomer);
  SeatAllIfNobodyIsEstablished();
}

PushRuling RoundPolicy::OnPush(const PushFacts& push) {
  const LiveWorkers::Worker* worker = live_.Find(push.worker);
  if (worker == nullptr) return RefuseNotLive(push.worker);
  const uint64_t round = RoundOf(push.clock);
  if (round <= finished_) {
    if (SeatOf(*worker) == kNewcomer) Sit(*worker, kGuest);
    return {.verdict = PushVerdict::kDrop};
  }
  if (round > finished_ + 1 || SeatOf(*worker) == kPushed) return Refuse(push, round);
  awaited_ -= SeatOf(*worker) == kAwaited;
  Sit(*worker, kPushed);
  const auto at = std::lower_bound(held_.begin(), held_.end(), push.worker,
                                   [](const Held& held, WorkerId id) { return held.worker < id; });
  held_.insert(at, {.worker = push.worker, .push_id = push.push_id});
  return {.verdict = PushVerdict::kHold};
}

PushRuling RoundPolicy::Refuse(const PushFacts& push, uint64_t round) const {
  const std::string open = absl::StrCat("the step open is ", (finished_ + 1) * steps_);
  std::string reason = round > finished_ + 1
                           ? absl::StrCat("worker ", push.worker, " pushed for step ", push.clock, ", but ", open,
                                          "; between two pushes it has to pull, and wait for the answer")
                           : absl::StrCat("worker ", push.worker, " pushed twice for one step (", open,
                                          "); between two pushes it has to pull, and wait for the answer");
  return {.verdict = PushVerdict::kRefuse, .reason = std::move(reason)};
}

bool RoundPolicy::Due() const {
  if (held_.empty()) return false;
  const size_t can_come = held_.size() + awaited_;
  return held_.size() >= (required_ == 0 ? can_come : std::min(required_, can_come));
}

std::optional<PushBatch> RoundPolicy::TakeReady() {
  if (!Due()) return std::nullopt;
  PushBatch batch;
  batch.push_ids.reserve(held_.size());
  for (const Held& held : held_) batch.push_ids.push_back(held.push_id);
  batch.scale = 1.0f / static_cast<float>(held_.size());
  held_.clear();
  ++finished_;
  for (const LiveWorkers::Worker& worker : live_.workers()) {
    if (SeatOf(worker) == kPushed) live_.SetMark(worker.id, kGuest | kEstablished);
  }
  SeatAll();
  return batch;
}

std::vector<uint64_t> RoundPolicy::TakeDropped() { return std::exchange(dropped_, {}); }

bool RoundPolicy::MayAnswer(const PullFacts& pull) const {
  const LiveWorkers::Worker* worker = live_.Find(pull.worker);
  if (worker == nullptr) return false;
  const uint64_t round = RoundOf(pull.clock);
  return SeatOf(*worker) == kNewcomer ? round < finished_ : round <= finished_;
}

uint64_t RoundPolicy::AnswerClock(const PullFacts& pull) const { return std::max(pull.clock, finished_ * steps_); }

std::string RoundPolicy::Save() const {
  PolicyStateWriter state(name_, kStateVersion);
  state.Number(finished_);
  LiveWorkers live = live_;
  for (const LiveWorkers::Worker& worker : live_.workers()) {
    // A push that is held comes again.
    if (SeatOf(worker) == kPushed) live.SetMark(worker.id, (worker.mark & kEstablished) | kAwaited);
  }
  live.Save(state);
  return state.Take();
}

absl::Status RoundPolicy::Restore(std::string_view text) {
  PolicyStateReader state(text);
  if (!state.Header(name_, kStateVersion)) return StateOfAnother(name_, text);
  uint64_t finished = 0;
  LiveWorkers live;
  size_t awaited = 0;
  size_t established = 0;
  if (!state.Number(finished) || !live.Restore(state, kEstablished | kGuest) || !state.AtEnd() ||
      finished >= std::numeric_limits<uint64_t>::max() / steps_) {
    return StateDamaged(name_);
  }
  for (const LiveWorkers::Worker& worker : live.workers()) {
    if (SeatOf(worker) != kAwaited && worker.mark != kNewcomer && worker.mark != kGuest) return StateDamaged(name_);
    awaited += SeatOf(worker) == kAwaited;
    established += worker.mark == (kAwaited | kEstablished);
  }
  if (established == 0 && awaited < live.size()) return StateDamaged(name_);
  finished_ = finished;
  live_ = std::move(live);
  awaited_ = awaited;
  held_.clear();
  dropped_.clear();
  return absl::OkStatus();
}

}  // namespace downpour
