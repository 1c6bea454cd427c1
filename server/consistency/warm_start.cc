#include "server/consistency/warm_start.h"

#include <algorithm>
#include <utility>

#include "server/consistency/policy_state.h"
#include "server/consistency/refusals.h"

namespace downpour {
namespace {

constexpr std::string_view kName = "warm_start";
constexpr uint32_t kStateVersion = 1;

}  // namespace

void WarmStart::EndIfWarm() {
  if (warm_ || workers_.empty() || inner().JoinClock() < steps_) return;
  warm_ = true;
  warm_clock_ = inner().JoinClock();
  for (const LiveWorkers::Worker& worker : workers_.workers()) {
    if (!IsFirst(worker.id)) inner().WorkerJoined(worker.id, warm_clock_);
  }
  workers_ = {};
}

void WarmStart::WorkerJoined(WorkerId worker, uint64_t clock) {
  if (warm_) return inner().WorkerJoined(worker, std::max(clock, warm_clock_));
  if (!workers_.empty() && worker < workers_.workers().front().id) inner().WorkerLeft(workers_.workers().front().id);
  workers_.Join(worker, clock);
  if (IsFirst(worker)) inner().WorkerJoined(worker, std::max(clock, inner().JoinClock()));
  EndIfWarm();
}

void WarmStart::WorkerLeft(WorkerId worker) {
  if (warm_) return inner().WorkerLeft(worker);
  const bool was_first = IsFirst(worker);
  workers_.Leave(worker);
  if (!was_first) return;
  inner().WorkerLeft(worker);
  if (!workers_.empty()) {
    const LiveWorkers::Worker& next = workers_.workers().front();
    inner().WorkerJoined(next.id, std::max(next.clock, inner().JoinClock()));
  }
  EndIfWarm();
}

PushRuling WarmStart::OnPush(const PushFacts& push) {
  if (!warm_ && workers_.Contains(push.worker) && !IsFirst(push.worker)) return {.verdict = PushVerdict::kDrop};
  PushRuling ruling = inner().OnPush(push);
  EndIfWarm();
  return ruling;
}

std::optional<PushBatch> WarmStart::TakeReady() {
  std::optional<PushBatch> batch = inner().TakeReady();
  EndIfWarm();
  return batch;
}

bool WarmStart::MayAnswer(const PullFacts& pull) const {
  if (warm_) return inner().MayAnswer(pull);
  return IsFirst(pull.worker) && inner().MayAnswer({.worker = pull.worker, .clock = AnswerClock(pull)});
}

uint64_t WarmStart::AnswerClock(const PullFacts& pull) const {
  if (warm_) return std::max(inner().AnswerClock(pull), warm_clock_);
  // A pull that even one who is alone may not have answered speaks of a step that was dropped.
  const uint64_t clock = inner().JoinClock();
  return inner().MayAnswer(pull) ? std::max(inner().AnswerClock(pull), clock) : clock;
}

std::string WarmStart::Save() const {
  PolicyStateWriter state(kName, kStateVersion);
  state.Number(uint8_t{warm_});
  state.Number(warm_clock_);
  workers_.Save(state);
  return state.Take() + inner().Save();
}

absl::Status WarmStart::Restore(std::string_view text) {
  PolicyStateReader state(text);
  uint8_t warm = 0;
  uint64_t warm_clock = 0;
  LiveWorkers workers;
  if (!state.Header(kName, kStateVersion)) return StateOfAnother(kName, text);
  if (!state.Number(warm) || warm > 1 || !state.Number(warm_clock) || !workers.Restore(state, /*mark_max=*/0) ||
      (warm == 1 && !workers.empty())) {
    return StateDamaged(kName);
  }
  if (absl::Status status = inner().Restore(state.rest()); !status.ok()) return status;
  warm_ = warm == 1;
  warm_clock_ = warm_clock;
  workers_ = std::move(workers);
  return absl::OkStatus();
}

}  // namespace downpour
