#include "server/shard/shard.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/shard/shard_fixture.h"

namespace downpour::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

PullRequest PullOf(WorkerId worker, uint64_t ticket = 1) {
  return {.epoch = 1, .worker = worker, .incarnation = 1, .clock = 0, .ticket = ticket};
}

class ShardTest : public ::testing::Test {
 protected:
  void Make(const ShardSetup& setup) {
    shard_ = MakeShard(&pool_, setup);
    ASSERT_FALSE(shard_->Join(1, 1, 0).refusal);
  }

  PushOutcome Push(TestPush push) {
    PushAnswer answer = shard_->Push(push.request);
    EXPECT_TRUE(answer.completions.empty());
    return answer.outcome;
  }

  BlockPool pool_;
  std::unique_ptr<Shard> shard_;
};

TEST_F(ShardTest, AppliesAPushAndAnswersAPull) {
  Make({.element_count = 3, .initializer = "constant { value: 10 }"});
  const PushOutcome outcome = Push(TestPush({1, 2, 3}));
  EXPECT_EQ(outcome.fate, PushFate::kApplied);
  EXPECT_FALSE(outcome.duplicate);
  EXPECT_EQ(outcome.version, 1u);
  const PullOutcome pull = shard_->Pull(PullOf(1));
  ASSERT_EQ(pull.fate, PullFate::kAnswered);
  EXPECT_EQ(pull.weights.version, 1u);
  EXPECT_THAT(ToVector(pull.weights.values), ElementsAre(9, 8, 7));
}

TEST_F(ShardTest, AppliesAPushOnceHoweverOftenItIsSent) {
  Make({.element_count = 2});
  EXPECT_EQ(Push(TestPush({1, 2}, 1)).version, 1u);
  const uint64_t hash = shard_->Hash();
  for (int i = 0; i < 3; ++i) {
    const PushOutcome again = Push(TestPush({1, 2}, 1));
    EXPECT_EQ(again.fate, PushFate::kApplied);
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.version, 1u);
  }
  EXPECT_EQ(shard_->Hash(), hash);
  EXPECT_EQ(shard_->counters().duplicates, 3u);
  EXPECT_EQ(shard_->counters().pushes_applied, 1u);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-1, -2));
}

TEST_F(ShardTest, NumbersMayArriveInAnyOrderWithinTheWindow) {
  Make({.element_count = 1});
  for (const uint64_t sequence : {64, 1, 33, 2}) {
    EXPECT_EQ(Push(TestPush({1}, sequence)).fate, PushFate::kApplied) << sequence;
  }
  EXPECT_TRUE(Push(TestPush({1}, 33)).duplicate);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-4));
}

TEST_F(ShardTest, ANumberWhosePushWasRefusedMayBeUsedAgain) {
  Make({.element_count = 1});
  EXPECT_EQ(Push(TestPush({NAN}, 1)).fate, PushFate::kRefused);
  const PushOutcome outcome = Push(TestPush({1}, 1));
  EXPECT_EQ(outcome.fate, PushFate::kApplied);
  EXPECT_FALSE(outcome.duplicate);
}

TEST_F(ShardTest, TakesHalfPrecisionAndSlicesThatCutThroughElements) {
  Make({.element_count = 3});
  TestPush sliced({1, 2, 3}, 1);
  sliced.Slice({1, 0, 5, 3});
  EXPECT_EQ(Push(std::move(sliced)).fate, PushFate::kApplied);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-1, -2, -3));

  const std::vector<uint16_t> half = {0x3f80, 0x4000, 0x4040};  // bfloat16 of 1, 2, 3
  TestPush push({0, 0, 0}, 2);
  push.request.dtype = DType::kBFloat16;
  push.request.slices = {{reinterpret_cast<const std::byte*>(half.data()), 6}};
  EXPECT_EQ(Push(std::move(push)).fate, PushFate::kApplied);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-2, -4, -6));
  EXPECT_EQ(shard_->counters().push_bytes, 12u + 6u);
}

TEST_F(ShardTest, AStepCountsVersionsSoThatSchedulesMoveOn) {
  Make({.element_count = 1, .optimizer = "sgd { learning_rate: 1 } schedule { step { step_size: 1 gamma: 0.5 } }"});
  Push(TestPush({1}, 1));
  Push(TestPush({1}, 2));
  Push(TestPush({1}, 3));
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-1.75));
}

TEST_F(ShardTest, StalenessIsCountedAndSlowsTheRateWhereThePolicySaysSo) {
  Make({.element_count = 1, .policy = "async {} staleness_aware_rate: true"});
  for (uint64_t sequence = 1; sequence <= 4; ++sequence) Push(TestPush({1}, sequence));
  TestPush last({1}, 5);
  last.request.version_pulled = 4;
  Push(std::move(last));
  const StalenessHistogram& staleness = shard_->counters().staleness;
  EXPECT_EQ(staleness.counts[0], 2u);
  EXPECT_EQ(staleness.counts[1], 1u);
  EXPECT_EQ(staleness.counts[2], 1u);
  EXPECT_EQ(staleness.counts[3], 1u);
  EXPECT_FLOAT_EQ(WeightsOf(*shard_)[0], -(1 + 1 + 0.5f + 1.0f / 3 + 1));
}

TEST_F(ShardTest, ANewIncarnationFencesTheOld) {
  Make({.element_count = 1});
  Push(TestPush({1}, 1));
  ASSERT_FALSE(shard_->Join(1, 2, 0).refusal);
  EXPECT_EQ(Push(TestPush({1}, 1)).refusal.reason, RefusalReason::kIncarnationStale);
  EXPECT_EQ(Push(TestPush({1}, 2)).refusal.reason, RefusalReason::kIncarnationStale);
  EXPECT_EQ(shard_->Pull(PullOf(1)).refusal.reason, RefusalReason::kIncarnationStale);
  TestPush fresh({1}, 1);
  fresh.request.incarnation = 2;
  const PushOutcome outcome = Push(std::move(fresh));
  EXPECT_EQ(outcome.fate, PushFate::kApplied) << "numbers start anew";
  EXPECT_FALSE(outcome.duplicate);
}

TEST_F(ShardTest, JoiningAgainAsTheSameIncarnationIsARetry) {
  Make({.element_count = 1});
  Push(TestPush({1}, 1));
  const uint64_t hash = shard_->Hash();
  EXPECT_FALSE(shard_->Join(1, 1, 7).refusal);
  EXPECT_EQ(shard_->Hash(), hash);
  EXPECT_TRUE(Push(TestPush({1}, 1)).duplicate);
}

TEST_F(ShardTest, RefusesToJoinAsAnIncarnationOfThePast) {
  Make({.element_count = 1});
  ASSERT_FALSE(shard_->Join(1, 5, 0).refusal);
  const uint64_t hash = shard_->Hash();
  EXPECT_EQ(shard_->Join(1, 4, 0).refusal.reason, RefusalReason::kIncarnationStale);
  EXPECT_EQ(shard_->Join(2, 0, 0).refusal.reason, RefusalReason::kIncarnationStale);
  EXPECT_EQ(shard_->Hash(), hash);
  shard_->Leave(1, 5);
  EXPECT_EQ(shard_->Join(1, 5, 0).refusal.reason, RefusalReason::kIncarnationStale);
  EXPECT_FALSE(shard_->Join(1, 6, 0).refusal);
}

TEST_F(ShardTest, WhoHasLeftIsRefusedUntilItJoinsAnew) {
  Make({.element_count = 1});
  EXPECT_TRUE(shard_->Leave(1, 1).empty());
  EXPECT_EQ(Push(TestPush({1}, 1)).refusal.reason, RefusalReason::kUnknownWorker);
  EXPECT_EQ(shard_->Pull(PullOf(1)).refusal.reason, RefusalReason::kUnknownWorker);
  ASSERT_FALSE(shard_->Join(1, 2, 0).refusal);
  const uint64_t hash = shard_->Hash();
  shard_->Leave(1, 1);
  EXPECT_EQ(shard_->Hash(), hash) << "the old incarnation cannot take the new one with it";
}

TEST_F(ShardTest, EpochsGoOnlyForward) {
  Make({.element_count = 1});
  EXPECT_TRUE(shard_->SetEpoch(3).ok());
  EXPECT_FALSE(shard_->SetEpoch(2).ok());
  EXPECT_EQ(Push(TestPush({1}, 1)).refusal.reason, RefusalReason::kEpochStale);
  EXPECT_EQ(shard_->Pull(PullOf(1)).refusal.reason, RefusalReason::kEpochStale);
  TestPush push({1}, 1);
  push.request.epoch = 3;
  EXPECT_EQ(Push(std::move(push)).fate, PushFate::kApplied);
}

TEST_F(ShardTest, WritesInPlaceWhenNobodyHoldsTheWeights) {
  Make({.element_count = 2 * kBlockElements});
  const float* const before = shard_->Read(false)->values.block(1).data();
  Push(TestPush(std::vector<float>(2 * kBlockElements, 1), 1));
  EXPECT_EQ(shard_->Read(false)->values.block(1).data(), before);
  EXPECT_EQ(shard_->counters().blocks_in_place, 2u);
  EXPECT_EQ(shard_->counters().blocks_copied, 0u);
}

TEST_F(ShardTest, WhatWasPulledNeverChangesWhilePushesGoOn) {
  Make({.element_count = 2 * kBlockElements + 5, .optimizer = "momentum { learning_rate: 1 momentum: 0.5 }"});
  std::vector<PullOutcome> pulls;
  for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
    pulls.push_back(shard_->Pull(PullOf(1)));
    EXPECT_EQ(Push(TestPush(std::vector<float>(2 * kBlockElements + 5, 1), sequence)).fate, PushFate::kApplied);
  }
  float weight = 0, velocity = 0;
  for (size_t version = 0; version < pulls.size(); ++version) {
    EXPECT_EQ(pulls[version].weights.version, version);
    EXPECT_THAT(ToVector(pulls[version].weights.values), Each(weight));
    velocity = 0.5f * velocity + 1;
    weight -= velocity;
  }
  EXPECT_EQ(shard_->counters().blocks_copied, 5u * 3u);
  EXPECT_EQ(shard_->counters().blocks_in_place, 5u * 3u) << "the velocity";
}

TEST_F(ShardTest, ServesTheAverageWhereThereIsOne) {
  Make({.element_count = 1, .optimizer = "sgd { learning_rate: 1 } average { decay: 0.5 }"});
  Push(TestPush({8}, 1));
  PullRequest request = PullOf(1);
  request.want_average = true;
  const PullOutcome pull = shard_->Pull(request);
  ASSERT_EQ(pull.fate, PullFate::kAnswered);
  const float decay = 2.0f / 11;
  EXPECT_NEAR(ToVector(pull.weights.values)[0], (1 - decay) * -8, 1e-5);
  EXPECT_EQ(ToVector(shard_->Read(true)->values), ToVector(pull.weights.values));
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-8));

  Make({.element_count = 1});
  EXPECT_EQ(shard_->Pull(request).refusal.reason, RefusalReason::kNoAverage);
  EXPECT_EQ(shard_->Read(true).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ShardTest, TheSameCallsLeaveTheSameBits) {
  const auto run = [&](float last) {
    BlockPool pool;
    const std::unique_ptr<Shard> shard =
        MakeShard(&pool, {.element_count = 1000, .optimizer = "adam {}", .initializer = "normal { stddev: 1 }"});
    (void)shard->Join(1, 1, 0);
    for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
      std::vector<float> gradient(1000, 0.1f * static_cast<float>(sequence));
      gradient.back() = last;
      const TestPush push(std::move(gradient), sequence);
      EXPECT_EQ(shard->Push(push.request).outcome.fate, PushFate::kApplied);
    }
    return shard->Hash();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(std::nextafter(1.0f, 2.0f)));
}

}  // namespace
}  // namespace downpour::testing
