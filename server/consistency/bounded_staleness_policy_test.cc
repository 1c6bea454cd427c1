#include "server/consistency/bounded_staleness_policy.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "server/consistency/policy_world.h"

namespace downpour::testing {
namespace {

class BoundChecker final : public PolicyWorld::Observer {
 public:
  explicit BoundChecker(uint64_t bound) : bound_(bound) {}

  void OnAnswer(const PolicyWorld& world, WorkerId, const PullFacts& pull) override {
    EXPECT_LE(pull.clock, world.SlowestClock() + bound_) << "worker " << pull.worker << " runs ahead";
    ahead_max = std::max(ahead_max, pull.clock - std::min(pull.clock, world.SlowestClock()));
  }

  void OnSettled(const PolicyWorld& world) override {
    for (const PolicyWorld::Worker& worker : world.workers()) {
      if (worker.state == PolicyWorld::State::kPulling) {
        EXPECT_GT(worker.clock, world.SlowestClock() + bound_) << "a pull waits without need";
      }
    }
  }

  uint64_t ahead_max = 0;

 private:
  const uint64_t bound_;
};

TEST(BoundedStalenessPolicyTest, AnswersAPullExactlyWhileItIsWithinTheBoundOnAnySchedule) {
  for (uint64_t bound = 0; bound <= 4; ++bound) {
    uint64_t ahead_max = 0;
    for (uint64_t seed = 0; seed < 1000 && !HasFailure(); ++seed) {
      SCOPED_TRACE(absl::StrCat("bound ", bound, " seed ", seed));
      BoundChecker checker(bound);
      PhiloxStream random(seed, bound);
      PolicyWorld world(std::make_unique<BoundedStalenessPolicy>(bound), 2 + random.UniformInt(5), 1, &checker);
      for (int i = 0; i < 150; ++i) world.RandomEvent(random);
      ahead_max = std::max(ahead_max, checker.ahead_max);
    }
    EXPECT_EQ(ahead_max, bound) << "no schedule went to the bound";
  }
}

TEST(BoundedStalenessPolicyTest, AFastWorkerWaitsForTheSlowestAndNoLonger) {
  BoundedStalenessPolicy policy(2);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  for (uint64_t clock = 1; clock <= 3; ++clock) {
    EXPECT_EQ(policy.OnPush({.worker = 1, .clock = clock}).verdict, PushVerdict::kApply);
  }
  EXPECT_TRUE(policy.MayAnswer({.worker = 1, .clock = 2}));
  EXPECT_FALSE(policy.MayAnswer({.worker = 1, .clock = 3}));
  policy.OnPush({.worker = 2, .clock = 1});
  EXPECT_TRUE(policy.MayAnswer({.worker = 1, .clock = 3}));
}

TEST(BoundedStalenessPolicyTest, DoesNotWaitForAWorkerThatLeft) {
  BoundedStalenessPolicy policy(0);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  policy.OnPush({.worker = 1, .clock = 1});
  EXPECT_FALSE(policy.MayAnswer({.worker = 1, .clock = 1}));
  policy.WorkerLeft(2);
  EXPECT_TRUE(policy.MayAnswer({.worker = 1, .clock = 1}));
}

TEST(BoundedStalenessPolicyTest, ALateJoinerStartsAtTheSlowestClockAndHoldsNobodyBack) {
  BoundedStalenessPolicy policy(1);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  for (uint64_t clock = 1; clock <= 10; ++clock) {
    policy.OnPush({.worker = 1, .clock = clock});
    policy.OnPush({.worker = 2, .clock = clock});
  }
  policy.OnPush({.worker = 2, .clock = 11});
  EXPECT_EQ(policy.JoinClock(), 10u);
  policy.WorkerJoined(3, policy.JoinClock());
  EXPECT_TRUE(policy.MayAnswer({.worker = 2, .clock = 11}));
  EXPECT_TRUE(policy.MayAnswer({.worker = 3, .clock = 10}));
}

TEST(BoundedStalenessPolicyTest, ItsOwnUnknownStepsDoNotBlockAWorker) {
  BoundedStalenessPolicy policy(1);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  policy.OnPush({.worker = 2, .clock = 5});
  EXPECT_TRUE(policy.MayAnswer({.worker = 1, .clock = 5}));
}

}  // namespace
}  // namespace downpour::testing
