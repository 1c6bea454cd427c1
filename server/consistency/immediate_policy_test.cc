#include "server/consistency/immediate_policy.h"

#include <memory>

#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "server/consistency/async_model_averaging_policy.h"
#include "server/consistency/async_policy.h"
#include "server/consistency/elastic_averaging_policy.h"
#include "server/consistency/policy_world.h"
#include "server/consistency/staleness_aware_rate.h"

namespace downpour::testing {
namespace {

class NobodyWaits final : public PolicyWorld::Observer {
 public:
  void OnSettled(const PolicyWorld& world) override {
    for (const PolicyWorld::Worker& worker : world.workers()) EXPECT_NE(worker.state, PolicyWorld::State::kPulling);
    EXPECT_TRUE(world.held().empty());
  }
};

TEST(AsyncPolicyTest, NobodyEverWaitsOnAnySchedule) {
  NobodyWaits checker;
  for (uint64_t seed = 0; seed < 1000 && !HasFailure(); ++seed) {
    PhiloxStream random(seed);
    std::unique_ptr<Policy> policy;
    if (seed % 3 == 0) policy = std::make_unique<AsyncPolicy>();
    if (seed % 3 == 1) policy = std::make_unique<AsyncModelAveragingPolicy>();
    if (seed % 3 == 2) policy = std::make_unique<ElasticAveragingPolicy>(0.25f);
    PolicyWorld world(std::move(policy), 5, 1, &checker);
    for (int i = 0; i < 100; ++i) world.RandomEvent(random);
  }
}

TEST(AsyncPolicyTest, AppliesAPushAsItIsHoweverStale) {
  AsyncPolicy policy;
  policy.WorkerJoined(1, 0);
  const PushRuling ruling = policy.OnPush({.worker = 1, .clock = 1, .version_pulled = 0, .version_now = 1000});
  EXPECT_EQ(ruling.verdict, PushVerdict::kApply);
  EXPECT_EQ(ruling.rate_scale, 1);
  EXPECT_EQ(ruling.gradient_scale, 1);
}

TEST(AsyncModelAveragingPolicyTest, ADifferenceCountsOneShareOfTheLive) {
  AsyncModelAveragingPolicy policy;
  for (WorkerId worker = 1; worker <= 4; ++worker) policy.WorkerJoined(worker, 0);
  EXPECT_EQ(policy.OnPush({.worker = 1, .clock = 16}).gradient_scale, 0.25f);
  policy.WorkerLeft(2);
  policy.WorkerLeft(3);
  EXPECT_EQ(policy.OnPush({.worker = 1, .clock = 32}).gradient_scale, 0.5f);
  EXPECT_EQ(policy.OnPush({.worker = 1, .clock = 48}).rate_scale, 1);
}

TEST(ElasticAveragingPolicyTest, TheCentreMovesByRhoOfTheDifference) {
  ElasticAveragingPolicy policy(0.125f);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  EXPECT_EQ(policy.OnPush({.worker = 1, .clock = 16}).gradient_scale, 0.125f);
}

TEST(StalenessAwareRateTest, DividesTheRateByTheStaleness) {
  StalenessAwareRate policy(std::make_unique<AsyncPolicy>());
  policy.WorkerJoined(1, 0);
  uint64_t clock = 0;
  const auto rate_at = [&](uint64_t staleness) {
    return policy.OnPush({.worker = 1, .clock = ++clock, .version_pulled = 100, .version_now = 100 + staleness})
        .rate_scale;
  };
  EXPECT_EQ(rate_at(0), 1);
  EXPECT_EQ(rate_at(1), 1);
  EXPECT_EQ(rate_at(2), 0.5f);
  EXPECT_EQ(rate_at(8), 0.125f);
}

TEST(AsyncPolicyTest, TheClockOfTheJobOutlivesItsWorkers) {
  AsyncPolicy policy;
  EXPECT_EQ(policy.JoinClock(), 0u);
  policy.WorkerJoined(1, 0);
  policy.WorkerJoined(2, 0);
  policy.OnPush({.worker = 1, .clock = 5});
  policy.OnPush({.worker = 2, .clock = 8});
  EXPECT_EQ(policy.JoinClock(), 5u);
  policy.WorkerLeft(1);
  EXPECT_EQ(policy.JoinClock(), 8u);
  policy.WorkerLeft(2);
  EXPECT_EQ(policy.JoinClock(), 8u);
}

}  // namespace
}  // namespace downpour::testing
