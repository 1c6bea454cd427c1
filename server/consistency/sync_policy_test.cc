#include "server/consistency/sync_policy.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "server/consistency/model_averaging_policy.h"
#include "server/consistency/policy_world.h"

namespace downpour::testing {
namespace {

// Holds sync and model averaging to their promises, whatever the schedule.
class RoundChecker final : public PolicyWorld::Observer {
 public:
  RoundChecker(size_t required, uint64_t steps) : required_(required), steps_(steps) {}

  void OnAnswer(const PolicyWorld& world, WorkerId id, const PullFacts&) override {
    const uint64_t clock = world.workers()[id].clock;
    const auto [at, first] = version_at_.emplace(clock, world.version());
    EXPECT_EQ(at->second, world.version()) << "two workers saw different weights for the step after " << clock;
  }

  void OnBatch(const PolicyWorld& world, const std::vector<PushFacts>& pushes, float scale) override {
    ++batches;
    std::set<WorkerId> workers;
    for (const PushFacts& push : pushes) {
      workers.insert(push.worker);
      EXPECT_EQ(push.clock, pushes[0].clock) << "one batch of two steps";
      EXPECT_EQ(push.version_pulled, push.version_now) << "a gradient from other weights than those of the step";
    }
    EXPECT_EQ(workers.size(), pushes.size()) << "a worker counted twice";
    EXPECT_EQ(pushes[0].clock, finished_ + steps_) << "steps out of order";
    finished_ = pushes[0].clock;
    EXPECT_EQ(scale, 1.0f / static_cast<float>(pushes.size()));
    if (required_ == 0) return;
    EXPECT_LE(pushes.size(), required_);
    if (pushes.size() < required_) {
      // Then nobody else could have been waited for: whoever lives is in it, or had joined since the step began.
      for (WorkerId id = 0; id < world.workers().size(); ++id) {
        const PolicyWorld::Worker& worker = world.workers()[id];
        if (worker.state == PolicyWorld::State::kComputing) {
          EXPECT_TRUE(workers.contains(id)) << "worker " << id << " was at the step, but not waited for";
        }
      }
    }
  }

  void OnDrop(const PolicyWorld&, const PushFacts& push) override { drops += push.clock <= finished_; }

  void OnSettled(const PolicyWorld& world) override {
    // Nothing is due any more: somebody who lives and computes must be missing.
    if (world.held().empty()) return;
    const bool somebody_computes =
        std::any_of(world.workers().begin(), world.workers().end(),
                    [](const PolicyWorld::Worker& worker) { return worker.state == PolicyWorld::State::kComputing; });
    EXPECT_TRUE(somebody_computes) << "held pushes wait for nobody";
  }

  uint64_t batches = 0;
  uint64_t drops = 0;

 private:
  const size_t required_;
  const uint64_t steps_;
  uint64_t finished_ = 0;
  std::map<uint64_t, uint64_t> version_at_;
};

TEST(SyncPolicyTest, AveragesExactlyTheRequiredGradientsOfOneStepOnAnySchedule) {
  for (size_t required = 0; required <= 5; ++required) {
    uint64_t batches = 0;
    uint64_t drops = 0;
    for (uint64_t seed = 0; seed < 1000 && !HasFailure(); ++seed) {
      SCOPED_TRACE(absl::StrCat("required ", required, " seed ", seed));
      RoundChecker checker(required, 1);
      PhiloxStream random(seed, required);
      PolicyWorld world(std::make_unique<SyncPolicy>(required), 2 + random.UniformInt(5), 1, &checker);
      for (int i = 0; i < 150; ++i) world.RandomEvent(random);
      batches += checker.batches;
      drops += checker.drops;
    }
    EXPECT_GT(batches, 5000u);
    EXPECT_EQ(drops > 0, required > 0) << "late gradients are those of backup workers";
  }
}

TEST(ModelAveragingPolicyTest, AveragesTheDifferencesOfAllMembersOnceARoundOnAnySchedule) {
  for (uint64_t seed = 0; seed < 2000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RoundChecker checker(0, 16);
    PhiloxStream random(seed);
    PolicyWorld world(std::make_unique<ModelAveragingPolicy>(16), 2 + random.UniformInt(5), 16, &checker);
    for (int i = 0; i < 150; ++i) world.RandomEvent(random);
    EXPECT_EQ(checker.drops, 0u) << "work was thrown away";
  }
}

PushFacts PushOf(WorkerId worker, uint64_t clock, uint64_t id) {
  return {.worker = worker, .push_id = id, .clock = clock};
}

TEST(SyncPolicyTest, DropsTheBackupsLateGradientAndTellsItWhereTheOthersAre) {
  SyncPolicy policy(2);
  for (WorkerId worker = 1; worker <= 3; ++worker) policy.WorkerJoined(worker, 0);
  for (uint64_t step = 1; step <= 4; ++step) {
    EXPECT_EQ(policy.OnPush(PushOf(2, step, 2 * step)).verdict, PushVerdict::kHold);
    EXPECT_FALSE(policy.TakeReady().has_value());
    EXPECT_FALSE(policy.MayAnswer({.worker = 2, .clock = step}));
    EXPECT_EQ(policy.OnPush(PushOf(1, step, 2 * step + 1)).verdict, PushVerdict::kHold);
    const std::optional<PushBatch> batch = policy.TakeReady();
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(batch->push_ids, (std::vector<uint64_t>{2 * step + 1, 2 * step})) << "not in order of worker";
    EXPECT_EQ(batch->scale, 0.5f);
    EXPECT_TRUE(policy.MayAnswer({.worker = 2, .clock = step}));
  }
  EXPECT_EQ(policy.OnPush(PushOf(3, 1, 20)).verdict, PushVerdict::kDrop);
  EXPECT_TRUE(policy.MayAnswer({.worker = 3, .clock = 1}));
  EXPECT_EQ(policy.AnswerClock({.worker = 3, .clock = 1}), 4u);
}

TEST(SyncPolicyTest, KeepsTheGradientOfADeadWorkerAndWaitsForTheRestOfTheLiving) {
  SyncPolicy policy(0);
  for (WorkerId worker = 1; worker <= 3; ++worker) policy.WorkerJoined(worker, 0);
  policy.OnPush(PushOf(1, 1, 1));
  policy.OnPush(PushOf(2, 1, 2));
  policy.WorkerLeft(1);
  policy.WorkerLeft(2);
  EXPECT_FALSE(policy.TakeReady().has_value()) << "worker 3 is still at work";
  policy.OnPush(PushOf(3, 1, 3));
  const std::optional<PushBatch> batch = policy.TakeReady();
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->push_ids, (std::vector<uint64_t>{1, 2, 3}));
}

TEST(SyncPolicyTest, TheDeathOfTheLastOneMissingFinishesTheStep) {
  SyncPolicy policy(3);
  for (WorkerId worker = 1; worker <= 3; ++worker) policy.WorkerJoined(worker, 0);
  policy.OnPush(PushOf(1, 1, 1));
  policy.OnPush(PushOf(2, 1, 2));
  EXPECT_FALSE(policy.TakeReady().has_value());
  policy.WorkerLeft(3);
  EXPECT_TRUE(policy.TakeReady().has_value());
}

// Both workers have pushed the first step, and it is finished.
void FinishFirstStep(SyncPolicy& policy) {
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  policy.OnPush(PushOf(1, 1, 1));
  policy.OnPush(PushOf(2, 1, 2));
  ASSERT_TRUE(policy.TakeReady().has_value());
}

TEST(SyncPolicyTest, JoiningAnewDropsTheOldGradientAndWaitsForTheNextStep) {
  SyncPolicy policy(0);
  FinishFirstStep(policy);
  policy.OnPush(PushOf(1, 2, 3));
  policy.WorkerJoined(1, policy.JoinClock());
  EXPECT_EQ(policy.TakeDropped(), (std::vector<uint64_t>{3}));
  EXPECT_FALSE(policy.TakeReady().has_value());
  EXPECT_FALSE(policy.MayAnswer({.worker = 1, .clock = 1}));
  policy.OnPush(PushOf(2, 2, 4));
  EXPECT_EQ(policy.TakeReady()->push_ids, (std::vector<uint64_t>{4})) << "it waited for a newcomer";
  EXPECT_TRUE(policy.MayAnswer({.worker = 1, .clock = 1}));
  EXPECT_EQ(policy.AnswerClock({.worker = 1, .clock = 1}), 2u);
}

TEST(SyncPolicyTest, AtTheStartOfAJobWhoeverJoinsIsAMemberAtOnce) {
  SyncPolicy policy(0);
  policy.WorkerJoined(1, 0);
  policy.OnPush(PushOf(1, 1, 1));
  EXPECT_TRUE(policy.TakeReady().has_value());
  policy.WorkerLeft(1);
  policy.WorkerJoined(2, policy.JoinClock());
  policy.OnPush(PushOf(2, 2, 2));
  EXPECT_TRUE(policy.TakeReady().has_value());

  SyncPolicy fresh(0);
  fresh.WorkerJoined(1, 0);
  fresh.OnPush(PushOf(1, 1, 1));
  fresh.WorkerJoined(2, 0);
  EXPECT_TRUE(fresh.MayAnswer({.worker = 2, .clock = 0}));
}

TEST(SyncPolicyTest, ANewcomerIsAMemberWhenTheLastOfTheOthersHasLeft) {
  SyncPolicy policy(0);
  FinishFirstStep(policy);
  policy.WorkerJoined(3, policy.JoinClock());
  EXPECT_FALSE(policy.MayAnswer({.worker = 3, .clock = 1}));
  policy.WorkerLeft(1);
  EXPECT_FALSE(policy.MayAnswer({.worker = 3, .clock = 1}));
  policy.WorkerLeft(2);
  EXPECT_TRUE(policy.MayAnswer({.worker = 3, .clock = 1}));
  policy.OnPush(PushOf(3, 2, 5));
  EXPECT_TRUE(policy.TakeReady().has_value());
}

TEST(SyncPolicyTest, ANewcomerThatIsBehindAnotherShardIsNotHeldBack) {
  SyncPolicy policy(0);
  FinishFirstStep(policy);
  policy.WorkerJoined(3, 0);  // another shard has not finished the first step, and awaits it
  EXPECT_TRUE(policy.MayAnswer({.worker = 3, .clock = 0}));
  EXPECT_EQ(policy.AnswerClock({.worker = 3, .clock = 0}), 1u);
  EXPECT_EQ(policy.OnPush(PushOf(3, 1, 5)).verdict, PushVerdict::kDrop);
  EXPECT_TRUE(policy.MayAnswer({.worker = 3, .clock = 1})) << "the other shard may await it in the next step too";
  policy.OnPush(PushOf(1, 2, 6));
  policy.OnPush(PushOf(2, 2, 7));
  EXPECT_TRUE(policy.TakeReady().has_value()) << "it waited for a newcomer";
}

TEST(SyncPolicyTest, RefusesASecondGradientAndOneOfAStepAhead) {
  SyncPolicy policy(0);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  policy.OnPush(PushOf(1, 1, 1));
  EXPECT_EQ(policy.OnPush(PushOf(1, 1, 2)).verdict, PushVerdict::kRefuse);
  const PushRuling ahead = policy.OnPush(PushOf(2, 2, 3));
  EXPECT_EQ(ahead.verdict, PushVerdict::kRefuse);
  EXPECT_EQ(ahead.reason,
            "worker 2 pushed for step 2, but the step open is 1; between two pushes it has to pull, and wait for the "
            "answer");
  EXPECT_FALSE(policy.TakeReady().has_value());
}

TEST(ModelAveragingPolicyTest, ANewcomerHoldsNobodyBackWhoIsInTheMiddleOfARound) {
  ModelAveragingPolicy policy(10);
  policy.WorkerJoined(1, 0);
  policy.OnPush(PushOf(1, 10, 1));
  EXPECT_TRUE(policy.TakeReady().has_value());
  policy.WorkerJoined(2, policy.JoinClock());
  EXPECT_FALSE(policy.MayAnswer({.worker = 2, .clock = 10}));
  policy.OnPush(PushOf(1, 20, 2));
  EXPECT_TRUE(policy.TakeReady().has_value()) << "worker 1 waits for the newcomer";
  EXPECT_TRUE(policy.MayAnswer({.worker = 2, .clock = 10}));
  EXPECT_EQ(policy.AnswerClock({.worker = 2, .clock = 10}), 20u);
  policy.OnPush(PushOf(1, 30, 3));
  EXPECT_FALSE(policy.TakeReady().has_value()) << "worker 2 is a member now";
}

TEST(ModelAveragingPolicyTest, AShortLastRoundCounts) {
  ModelAveragingPolicy policy(10);
  policy.WorkerJoined(1, 0);
  EXPECT_EQ(policy.OnPush(PushOf(1, 7, 1)).verdict, PushVerdict::kHold);
  EXPECT_TRUE(policy.TakeReady().has_value());
  EXPECT_TRUE(policy.MayAnswer({.worker = 1, .clock = 7}));
}

}  // namespace
}  // namespace downpour::testing
