#include "server/consistency/warm_start.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "server/consistency/async_policy.h"
#include "server/consistency/bounded_staleness_policy.h"
#include "server/consistency/policy_world.h"
#include "server/consistency/sync_policy.h"

namespace downpour::testing {
namespace {

constexpr uint64_t kSteps = 12;

// Until the clock of the job is kSteps, only the live worker with the smallest id is answered and applied.
class AloneChecker final : public PolicyWorld::Observer {
 public:
  void OnAnswer(const PolicyWorld& world, WorkerId id, const PullFacts&) override {
    if (!Warm(world)) {
      EXPECT_EQ(id, First(world)) << "answered before its time";
    }
  }
  void OnApply(const PolicyWorld& world, const PushFacts& push, const PushRuling&) override {
    if (!warm) {
      EXPECT_EQ(push.worker, First(world)) << "applied before its time";
    }
  }
  void OnBatch(const PolicyWorld& world, const std::vector<PushFacts>& pushes, float) override {
    if (pushes[0].clock >= kSteps) return;
    EXPECT_EQ(pushes.size(), 1u);
    EXPECT_EQ(pushes[0].worker, First(world));
  }
  void OnSettled(const PolicyWorld& world) override {
    if (Warm(world)) warm = true;
    if (warm || world.LiveCount() == 0) return;
    EXPECT_NE(world.workers()[First(world)].state, PolicyWorld::State::kPulling) << "nobody is at work";
  }

  bool warm = false;

 private:
  static bool Warm(const PolicyWorld& world) { return world.policy().JoinClock() >= kSteps; }
  static WorkerId First(const PolicyWorld& world) {
    WorkerId id = 0;
    while (world.workers()[id].state == PolicyWorld::State::kAbsent) ++id;
    return id;
  }
};

TEST(WarmStartTest, OneWorkerIsAloneUntilTheEndAndAnotherTakesOverOnAnySchedule) {
  uint64_t warm = 0;
  for (uint64_t seed = 0; seed < 3000 && !HasFailure(); ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    AloneChecker checker;
    PhiloxStream random(seed);
    std::unique_ptr<Policy> inner;
    if (seed % 3 == 0) inner = std::make_unique<AsyncPolicy>();
    if (seed % 3 == 1) inner = std::make_unique<BoundedStalenessPolicy>(1);
    if (seed % 3 == 2) inner = std::make_unique<SyncPolicy>(2);
    PolicyWorld world(std::make_unique<WarmStart>(std::move(inner), kSteps), 4, 1, &checker);
    for (int i = 0; i < 120; ++i) world.RandomEvent(random);
    warm += checker.warm;
  }
  EXPECT_GT(warm, 1500u) << "too few schedules got to the end of the warm start";
}

TEST(WarmStartTest, TheOthersWaitAndGoOnFromTheClockThatItEndedWith) {
  WarmStart policy(std::make_unique<BoundedStalenessPolicy>(1), 3);
  policy.WorkerJoined(7, 0);
  policy.WorkerJoined(9, 0);
  for (uint64_t clock = 1; clock <= 3; ++clock) {
    EXPECT_TRUE(policy.MayAnswer({.worker = 7, .clock = clock - 1}));
    EXPECT_FALSE(policy.MayAnswer({.worker = 9, .clock = 0}));
    EXPECT_EQ(policy.OnPush({.worker = 7, .clock = clock}).verdict, PushVerdict::kApply);
  }
  EXPECT_TRUE(policy.MayAnswer({.worker = 9, .clock = 0}));
  EXPECT_EQ(policy.AnswerClock({.worker = 9, .clock = 0}), 3u);
  EXPECT_TRUE(policy.MayAnswer({.worker = 7, .clock = 4})) << "the bound counts from the end of the warm start";
  EXPECT_FALSE(policy.MayAnswer({.worker = 7, .clock = 5}));
}

TEST(WarmStartTest, TheNextOneTakesOverWhereTheFirstDied) {
  WarmStart policy(std::make_unique<AsyncPolicy>(), 10);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  for (uint64_t clock = 1; clock <= 6; ++clock) policy.OnPush({.worker = 1, .clock = clock});
  policy.WorkerLeft(1);
  EXPECT_TRUE(policy.MayAnswer({.worker = 2, .clock = 0}));
  EXPECT_EQ(policy.AnswerClock({.worker = 2, .clock = 0}), 6u);
  policy.WorkerJoined(3, policy.JoinClock());
  EXPECT_FALSE(policy.MayAnswer({.worker = 3, .clock = 6}));
  for (uint64_t clock = 7; clock <= 10; ++clock) policy.OnPush({.worker = 2, .clock = clock});
  EXPECT_TRUE(policy.MayAnswer({.worker = 3, .clock = 6}));
}

TEST(WarmStartTest, DropsThePushOfAWorkerWhoseTurnIsOver) {
  WarmStart policy(std::make_unique<AsyncPolicy>(), 10);
  policy.WorkerJoined(5, 0);
  policy.WorkerJoined(2, 0);
  EXPECT_EQ(policy.OnPush({.worker = 5, .clock = 1}).verdict, PushVerdict::kDrop);
  EXPECT_EQ(policy.OnPush({.worker = 2, .clock = 1}).verdict, PushVerdict::kApply);
}

}  // namespace
}  // namespace downpour::testing
