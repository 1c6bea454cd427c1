#include "server/consistency/policy_world.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "gtest/gtest.h"

namespace downpour::testing {

PolicyWorld::PolicyWorld(std::unique_ptr<Policy> policy, uint32_t workers, uint64_t steps, Observer* observer)
    : policy_(std::move(policy)), steps_(steps), observer_(observer), workers_(workers) {}

size_t PolicyWorld::LiveCount() const {
  return std::count_if(workers_.begin(), workers_.end(), [](const Worker& w) { return w.state != State::kAbsent; });
}

uint64_t PolicyWorld::SlowestClock() const {
  uint64_t slowest = std::numeric_limits<uint64_t>::max();
  for (const Worker& worker : workers_) {
    if (worker.state != State::kAbsent) slowest = std::min(slowest, worker.clock_shown);
  }
  return slowest;
}

void PolicyWorld::Join(WorkerId id) {
  const uint64_t clock = policy_->JoinClock();
  policy_->WorkerJoined(id, clock);
  for (const uint64_t push : policy_->TakeDropped()) {
    ASSERT_TRUE(held_.contains(push));
    EXPECT_EQ(held_[push].facts.worker, id) << "a join dropped the push of another worker";
    held_.erase(push);
  }
  for (const auto& [push, held] : held_) EXPECT_NE(held.facts.worker, id) << "held over a join of its worker";
  workers_[id] = {.state = State::kPulling, .clock = clock, .clock_shown = clock};
  Settle();
}

void PolicyWorld::Leave(WorkerId id) {
  policy_->WorkerLeft(id);
  workers_[id] = {};
  for (auto& [push, held] : held_) {
    if (held.facts.worker == id) held.worker_lives = false;
  }
  Settle();
}

void PolicyWorld::Push(WorkerId id) {
  Worker& worker = workers_[id];
  if (worker.state != State::kComputing) return;
  worker.clock += steps_;
  worker.clock_shown = std::max(worker.clock_shown, worker.clock);
  const PushFacts facts = {.worker = id,
                           .push_id = next_push_id_++,
                           .clock = worker.clock,
                           .version_pulled = worker.version_pulled,
                           .version_now = version_};
  const PushRuling ruling = policy_->OnPush(facts);
  worker.state = State::kPulling;
  switch (ruling.verdict) {
    case PushVerdict::kApply:
      ++version_;
      if (observer_ != nullptr) observer_->OnApply(*this, facts, ruling);
      break;
    case PushVerdict::kHold:
      held_[facts.push_id] = {.facts = facts};
      break;
    case PushVerdict::kDrop:
      if (observer_ != nullptr) observer_->OnDrop(*this, facts);
      break;
    case PushVerdict::kRefuse:
      ADD_FAILURE() << "refused a worker that keeps to the protocol: " << ruling.reason;
      break;
  }
  Settle();
}

void PolicyWorld::Settle() {
  for (const uint64_t push : policy_->TakeDropped()) {
    ASSERT_TRUE(held_.contains(push)) << "dropped a push that was not held";
    if (observer_ != nullptr) observer_->OnDrop(*this, held_[push].facts);
    held_.erase(push);
  }
  while (const std::optional<PushBatch> batch = policy_->TakeReady()) {
    ASSERT_FALSE(batch->push_ids.empty());
    std::vector<PushFacts> pushes;
    for (const uint64_t push : batch->push_ids) {
      ASSERT_TRUE(held_.contains(push)) << "the batch names a push that is not held";
      pushes.push_back(held_[push].facts);
      held_.erase(push);
    }
    EXPECT_TRUE(std::is_sorted(pushes.begin(), pushes.end(),
                               [](const PushFacts& a, const PushFacts& b) { return a.worker < b.worker; }));
    ++version_;
    if (observer_ != nullptr) observer_->OnBatch(*this, pushes, batch->scale);
  }
  for (WorkerId id = 0; id < workers_.size(); ++id) {
    Worker& worker = workers_[id];
    const PullFacts pull = {.worker = id, .clock = worker.clock};
    if (worker.state == State::kAbsent) {
      EXPECT_FALSE(policy_->MayAnswer(pull)) << "answered worker " << id << ", absent";
    }
    if (worker.state != State::kPulling || !policy_->MayAnswer(pull)) continue;
    worker.clock = policy_->AnswerClock(pull);
    worker.state = State::kComputing;
    worker.version_pulled = version_;
    ++worker.answers;
    if (observer_ != nullptr) observer_->OnAnswer(*this, id, pull);
  }
  if (observer_ != nullptr) observer_->OnSettled(*this);
}

void PolicyWorld::RandomEvent(PhiloxStream& random) {
  const WorkerId worker = random.UniformInt(workers_.size());
  const uint64_t dice = random.UniformInt(100);
  if (workers_[worker].state == State::kAbsent) {
    if (dice < 20) Join(worker);
  } else if (dice < 3) {
    Leave(worker);
  } else if (dice < 5) {
    Join(worker);  // a new incarnation of a worker that is not known to be dead
  } else {
    Push(worker);
  }
}

void PolicyWorld::ExpectLiveness() {
  constexpr int kRoundsMax = 200;
  std::vector<uint64_t> wanted;
  for (const Worker& worker : workers_) wanted.push_back(worker.answers + 3);
  const auto content = [&] {
    for (WorkerId id = 0; id < workers_.size(); ++id) {
      if (workers_[id].state != State::kAbsent && workers_[id].answers < wanted[id]) return false;
    }
    return true;
  };
  for (int round = 0; round < kRoundsMax && !content(); ++round) {
    for (WorkerId id = 0; id < workers_.size(); ++id) Push(id);
  }
  for (WorkerId id = 0; id < workers_.size(); ++id) {
    if (workers_[id].state == State::kAbsent) continue;
    EXPECT_GE(workers_[id].answers, wanted[id]) << "worker " << id << " waits in vain at clock " << workers_[id].clock;
  }
}

std::unique_ptr<Policy> PolicyWorld::Replace(std::unique_ptr<Policy> policy) {
  return std::exchange(policy_, std::move(policy));
}

}  // namespace downpour::testing
