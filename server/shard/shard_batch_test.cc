// Pushes that are held and pulls that wait, under the policies that do that.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/shard/shard.h"
#include "server/shard/shard_fixture.h"

namespace downpour::testing {
namespace {

using ::testing::ElementsAre;

// Holds every push. When a worker leaves, what is held is applied, one by one, or dropped.
class HoldAll : public Policy {
 public:
  explicit HoldAll(bool drop) : drop_(drop) {}
  void WorkerJoined(WorkerId, uint64_t) override {}
  void WorkerLeft(WorkerId) override { release_ = true; }
  uint64_t JoinClock() const override { return 0; }
  PushRuling OnPush(const PushFacts& push) override {
    held_.push_back(push.push_id);
    return {.verdict = PushVerdict::kHold};
  }
  std::optional<PushBatch> TakeReady() override {
    if (!release_ || held_.empty()) return std::nullopt;
    PushBatch batch;
    batch.push_ids.push_back(held_.front());
    held_.erase(held_.begin());
    return batch;
  }
  std::vector<uint64_t> TakeDropped() override {
    return release_ && drop_ ? std::exchange(held_, {}) : std::vector<uint64_t>();
  }
  bool MayAnswer(const PullFacts&) const override { return true; }
  std::string Save() const override { return ""; }
  absl::Status Restore(std::string_view) override { return absl::OkStatus(); }

 private:
  const bool drop_;
  bool release_ = false;
  std::vector<uint64_t> held_;
};

class ShardBatchTest : public ::testing::Test {
 protected:
  void Make(const ShardSetup& setup, WorkerId workers) {
    shard_ = MakeShard(&pool_, setup);
    for (WorkerId worker = 1; worker <= workers; ++worker) ASSERT_FALSE(shard_->Join(worker, 1, 0).refusal);
  }

  // The push stays alive in `sent_`, as bytes that a connection keeps do.
  PushAnswer Push(WorkerId worker, std::vector<float> gradient, uint64_t sequence = 1, uint64_t incarnation = 1) {
    auto push = std::make_shared<TestPush>(std::move(gradient), sequence);
    push->request.worker = worker;
    push->request.incarnation = incarnation;
    PushRequest request = push->request;
    request.owner = push;
    alive_[{worker, sequence}] = push;
    return shard_->Push(std::move(request));
  }

  PullOutcome Pull(WorkerId worker, uint64_t clock, uint64_t ticket, uint64_t incarnation = 1) {
    return shard_->Pull({.epoch = 1, .worker = worker, .incarnation = incarnation, .clock = clock, .ticket = ticket});
  }

  BlockPool pool_;
  std::unique_ptr<Shard> shard_;
  std::map<std::pair<WorkerId, uint64_t>, std::weak_ptr<TestPush>> alive_;
};

TEST_F(ShardBatchTest, AHeldPushIsAnsweredOnceItIsApplied) {
  Make({.element_count = 2, .policy = "sync {}"}, 2);
  const PushAnswer first = Push(2, {1, 2});
  EXPECT_EQ(first.outcome.fate, PushFate::kHeld);
  EXPECT_TRUE(first.completions.empty());
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(0, 0));
  EXPECT_EQ(shard_->counters().pushes_held, 1u);
  EXPECT_FALSE((alive_[{2, 1}].expired())) << "the bytes are kept while the push is held";

  const PushAnswer second = Push(1, {3, 6});
  EXPECT_EQ(second.outcome.fate, PushFate::kApplied);
  EXPECT_EQ(second.outcome.version, 1u);
  ASSERT_EQ(second.completions.pushes.size(), 1u);
  const PushCompletion& completion = second.completions.pushes[0];
  EXPECT_EQ(completion.worker, 2u);
  EXPECT_EQ(completion.incarnation, 1u);
  EXPECT_EQ(completion.sequence, 1u);
  EXPECT_EQ(completion.outcome.fate, PushFate::kApplied);
  EXPECT_EQ(completion.outcome.version, 1u);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-2, -4)) << "their mean";
  EXPECT_EQ(shard_->counters().pushes_held, 0u);
  EXPECT_EQ(shard_->counters().pushes_applied, 2u);
  EXPECT_EQ(shard_->counters().version, 1u);
  EXPECT_TRUE((alive_[{2, 1}].expired())) << "and let go afterwards";
}

TEST_F(ShardBatchTest, ARetryOfAHeldPushCountsOnceAndIsAnsweredOnce) {
  Make({.element_count = 1, .policy = "sync {}"}, 3);
  EXPECT_EQ(Push(1, {3}).outcome.fate, PushFate::kHeld);
  const uint64_t hash = shard_->Hash();
  for (int i = 0; i < 3; ++i) {
    const PushAnswer again = Push(1, {3});
    EXPECT_EQ(again.outcome.fate, PushFate::kHeld);
    EXPECT_TRUE(again.outcome.duplicate);
    EXPECT_TRUE(again.completions.empty());
  }
  EXPECT_EQ(shard_->Hash(), hash);
  EXPECT_EQ(Push(2, {6}).outcome.fate, PushFate::kHeld);
  const PushAnswer last = Push(3, {9});
  EXPECT_EQ(last.outcome.fate, PushFate::kApplied);
  EXPECT_EQ(last.completions.pushes.size(), 2u);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-6));
  const PushAnswer late = Push(1, {3});
  EXPECT_EQ(late.outcome.fate, PushFate::kApplied);
  EXPECT_TRUE(late.outcome.duplicate);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-6));
}

TEST_F(ShardBatchTest, ABackupsLateGradientIsDroppedForGood) {
  Make({.element_count = 1, .policy = "sync { required: 2 }"}, 3);
  Push(1, {2});
  EXPECT_EQ(Push(2, {4}).outcome.fate, PushFate::kApplied);
  const PushAnswer late = Push(3, {100});
  EXPECT_EQ(late.outcome.fate, PushFate::kDropped);
  EXPECT_FALSE(late.outcome.duplicate);
  const PushAnswer again = Push(3, {100});
  EXPECT_EQ(again.outcome.fate, PushFate::kDropped);
  EXPECT_TRUE(again.outcome.duplicate);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-3));
  EXPECT_EQ(shard_->counters().pushes_dropped, 1u);
}

TEST_F(ShardBatchTest, TheSumHasTheSameBitsInWhateverOrderPushesArrive) {
  // In float32 the order of addition matters for these: (1e8 + -1e8) + 1 is not 1e8 + (-1e8 + 1).
  const std::map<WorkerId, float> gradients = {{1, 1e8f}, {2, -1e8f}, {3, 1.0f}};
  std::vector<WorkerId> order = {1, 2, 3};
  do {
    Make({.element_count = kBlockElements + 9, .policy = "sync {}"}, 3);
    for (const WorkerId worker : order) Push(worker, std::vector<float>(kBlockElements + 9, gradients.at(worker)));
    EXPECT_EQ(WeightsOf(*shard_).back(), -1.0f / 3);
    EXPECT_EQ(WeightsOf(*shard_).front(), -1.0f / 3);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(ShardBatchTest, HeldGradientsMayBeSlicedAndTypedDifferently) {
  Make({.element_count = 1000, .policy = "sync {}"}, 2);
  auto sliced = std::make_shared<TestPush>(std::vector<float>(1000, 1));
  for (size_t i = 0; i < 1000; ++i) sliced->gradient[i] = static_cast<float>(i);
  sliced->Slice({1, 2, 700, 33, 2049});
  EXPECT_EQ(shard_->Push(sliced->request).outcome.fate, PushFate::kHeld);

  const std::vector<uint16_t> half(1000, 0x4000);  // bfloat16 of 2
  PushRequest request = sliced->request;
  request.worker = 2;
  request.dtype = DType::kBFloat16;
  request.slices = {{reinterpret_cast<const std::byte*>(half.data()), 999},
                    {reinterpret_cast<const std::byte*>(half.data()) + 999, 1001}};
  EXPECT_EQ(shard_->Push(std::move(request)).outcome.fate, PushFate::kApplied);
  const std::vector<float> weights = WeightsOf(*shard_);
  for (size_t i = 0; i < 1000; ++i) EXPECT_EQ(weights[i], -0.5f * (static_cast<float>(i) + 2)) << i;
}

TEST_F(ShardBatchTest, AWorkerThatLeavesIsNotWaitedForAndWhatItPushedCounts) {
  Make({.element_count = 1, .policy = "sync {}"}, 3);
  Push(1, {3});
  Push(2, {9});
  EXPECT_TRUE(shard_->Leave(2, 1).pushes.empty());
  const Completions completions = shard_->Leave(3, 1);
  ASSERT_EQ(completions.pushes.size(), 2u);
  EXPECT_EQ(completions.pushes[0].worker, 1u);
  EXPECT_EQ(completions.pushes[1].worker, 2u);
  EXPECT_EQ(completions.pushes[1].outcome.fate, PushFate::kApplied);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-6));
}

TEST_F(ShardBatchTest, JoiningAnewThrowsAwayWhatTheOldIncarnationHeld) {
  Make({.element_count = 1, .policy = "sync {}"}, 2);
  Push(1, {100});
  const MembershipAnswer join = shard_->Join(1, 2, 0);
  ASSERT_EQ(join.completions.pushes.size(), 1u);
  const PushCompletion& fenced = join.completions.pushes[0];
  EXPECT_EQ(fenced.incarnation, 1u);
  EXPECT_EQ(fenced.outcome.fate, PushFate::kRefused);
  EXPECT_EQ(fenced.outcome.refusal.reason, RefusalReason::kIncarnationStale);
  EXPECT_EQ(shard_->counters().pushes_fenced, 1u);
  EXPECT_EQ(shard_->counters().pushes_held, 0u);
  EXPECT_TRUE((alive_[{1, 1}].expired()));
  Push(2, {4});
  Push(1, {2}, 1, 2);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-3));
}

TEST_F(ShardBatchTest, APullWaitsUntilItsStepIsDone) {
  Make({.element_count = 1, .policy = "sync {}"}, 2);
  EXPECT_EQ(Pull(1, 0, 1).fate, PullFate::kAnswered);
  Push(1, {2});
  EXPECT_EQ(Pull(1, 1, 2).fate, PullFate::kWaiting);
  EXPECT_EQ(Pull(1, 1, 2).fate, PullFate::kWaiting) << "sent again, it is the same pull";
  EXPECT_EQ(shard_->counters().pulls_waiting, 1u);
  const PushAnswer last = Push(2, {4});
  ASSERT_EQ(last.completions.pulls.size(), 1u);
  const PullCompletion& pull = last.completions.pulls[0];
  EXPECT_EQ(pull.worker, 1u);
  EXPECT_EQ(pull.ticket, 2u);
  EXPECT_EQ(pull.outcome.fate, PullFate::kAnswered);
  EXPECT_EQ(pull.outcome.weights.version, 1u);
  EXPECT_EQ(pull.outcome.clock, 1u);
  EXPECT_THAT(ToVector(pull.outcome.weights.values), ElementsAre(-3));
  EXPECT_EQ(shard_->counters().pulls_waiting, 0u);
}

TEST_F(ShardBatchTest, ABoundedWorkerWaitsForTheSlowest) {
  Make({.element_count = 1, .policy = "bounded_staleness { bound: 1 }"}, 2);
  EXPECT_EQ(Push(1, {1}, 1).outcome.fate, PushFate::kApplied);
  EXPECT_EQ(Pull(1, 1, 1).fate, PullFate::kAnswered);
  EXPECT_EQ(Push(1, {1}, 2).outcome.fate, PushFate::kApplied);
  EXPECT_EQ(Pull(1, 2, 2).fate, PullFate::kWaiting);
  const PushAnswer other = Push(2, {1}, 1);
  EXPECT_EQ(other.outcome.fate, PushFate::kApplied);
  ASSERT_EQ(other.completions.pulls.size(), 1u);
  EXPECT_EQ(other.completions.pulls[0].outcome.weights.version, 3u);
}

TEST_F(ShardBatchTest, WaitingPullsOfWhoLeavesOrJoinsAnewAreRefused) {
  Make({.element_count = 1, .policy = "sync {}"}, 3);
  for (const WorkerId worker : {1, 2}) {
    Push(worker, {1});
    EXPECT_EQ(Pull(worker, 1, 5).fate, PullFate::kWaiting);
  }
  const Completions left = shard_->Leave(1, 1);
  ASSERT_EQ(left.pulls.size(), 1u);
  EXPECT_EQ(left.pulls[0].ticket, 5u);
  EXPECT_EQ(left.pulls[0].outcome.fate, PullFate::kRefused);
  EXPECT_EQ(left.pulls[0].outcome.refusal.reason, RefusalReason::kUnknownWorker);
  const MembershipAnswer joined = shard_->Join(2, 2, 0);
  ASSERT_EQ(joined.completions.pulls.size(), 1u);
  EXPECT_EQ(joined.completions.pulls[0].incarnation, 1u);
  EXPECT_EQ(joined.completions.pulls[0].outcome.refusal.reason, RefusalReason::kIncarnationStale);
  EXPECT_EQ(shard_->counters().pulls_waiting, 0u);
}

TEST_F(ShardBatchTest, SoManyPullsOfOneWorkerWaitAndNoMore) {
  Make({.element_count = 1, .policy = "sync {}"}, 2);
  for (uint64_t ticket = 0; ticket < kWaitingPullsMax; ++ticket) {
    EXPECT_EQ(Pull(1, 1, ticket).fate, PullFate::kWaiting);
  }
  EXPECT_EQ(Pull(1, 1, 3).fate, PullFate::kWaiting) << "one that waits already";
  EXPECT_EQ(Pull(1, 1, 99).refusal.reason, RefusalReason::kTooManyPulls);
  EXPECT_EQ(Pull(2, 1, 99).fate, PullFate::kWaiting) << "another worker's";
}

TEST_F(ShardBatchTest, AWorkerMayHoldAWholeWindowOfPushesAndNoMore) {
  shard_ = MakeShard(&pool_, {.element_count = 1}, std::make_unique<HoldAll>(/*drop=*/false));
  for (const WorkerId worker : {1, 2}) ASSERT_FALSE(shard_->Join(worker, 1, 0).refusal);
  for (uint64_t sequence = 1; sequence <= kSequenceWindow; ++sequence) {
    EXPECT_EQ(Push(1, {1}, sequence).outcome.fate, PushFate::kHeld);
  }
  EXPECT_EQ(Push(1, {1}, kSequenceWindow + 1).outcome.refusal.reason, RefusalReason::kSequenceAhead);
  EXPECT_TRUE(Push(1, {1}, 1).outcome.duplicate);
  const Completions completions = shard_->Leave(2, 1);
  EXPECT_EQ(completions.pushes.size(), kSequenceWindow);
  EXPECT_EQ(completions.pushes.back().outcome.version, kSequenceWindow);
  EXPECT_EQ(Push(1, {1}, 1).outcome.fate, PushFate::kApplied);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(-64));
}

TEST_F(ShardBatchTest, AHeldPushThatIsDroppedStaysDropped) {
  shard_ = MakeShard(&pool_, {.element_count = 1}, std::make_unique<HoldAll>(/*drop=*/true));
  for (const WorkerId worker : {1, 2}) ASSERT_FALSE(shard_->Join(worker, 1, 0).refusal);
  EXPECT_EQ(Push(1, {1}).outcome.fate, PushFate::kHeld);
  const Completions completions = shard_->Leave(2, 1);
  ASSERT_EQ(completions.pushes.size(), 1u);
  EXPECT_EQ(completions.pushes[0].outcome.fate, PushFate::kDropped);
  const PushOutcome again = Push(1, {1}).outcome;
  EXPECT_EQ(again.fate, PushFate::kDropped);
  EXPECT_TRUE(again.duplicate);
  EXPECT_THAT(WeightsOf(*shard_), ElementsAre(0));
  EXPECT_EQ(shard_->counters().pushes_dropped, 1u);
}

TEST_F(ShardBatchTest, APushThatIsHeldNeedsNoBlocksWhileItWaits) {
  Make({.element_count = kBlockElements, .policy = "sync {}"}, 2);
  const PullOutcome reader = Pull(1, 0, 1);
  Push(1, std::vector<float>(kBlockElements, 1));
  EXPECT_EQ(pool_.statistics().blocks_in_use, 1u);
}

TEST_F(ShardBatchTest, WithoutMemoryABatchIsRefusedWhole) {
  BlockPool pool({.bytes_in_use_max = 2 * kBlockElements * sizeof(float)});
  const std::unique_ptr<Shard> shard = MakeShard(&pool, {.element_count = 2 * kBlockElements, .policy = "sync {}"});
  for (const WorkerId worker : {1, 2}) ASSERT_FALSE(shard->Join(worker, 1, 0).refusal);
  TestPush first(std::vector<float>(2 * kBlockElements, 1));
  TestPush second(std::vector<float>(2 * kBlockElements, 1));
  second.request.worker = 2;
  EXPECT_EQ(shard->Push(first.request).outcome.fate, PushFate::kHeld);
  const PushAnswer answer = shard->Push(second.request);
  EXPECT_EQ(answer.outcome.refusal.reason, RefusalReason::kOutOfMemory);
  ASSERT_EQ(answer.completions.pushes.size(), 1u);
  EXPECT_EQ(answer.completions.pushes[0].outcome.refusal.reason, RefusalReason::kOutOfMemory);
  EXPECT_EQ(shard->counters().version, 0u);
  EXPECT_EQ(shard->Push(first.request).outcome.fate, PushFate::kDropped) << "its step is over";
}

TEST_F(ShardBatchTest, ClipsASumByTheSumOfItsNormsWhereTheTableHasOtherShards) {
  ShardSetup setup = {
      .element_count = 1, .optimizer = "sgd { learning_rate: 1 } clipping { by_table_norm: 5 }", .policy = "sync {}"};
  setup.options.whole_table = false;
  Make(setup, 2);
  TestPush first({6});
  first.request.table_gradient_norm = 12;
  TestPush second({2});
  second.request.worker = 2;
  second.request.table_gradient_norm = 8;
  shard_->Push(first.request);
  shard_->Push(second.request);
  EXPECT_NEAR(WeightsOf(*shard_)[0], -4 * 5.0 / 10, 1e-5);  // the mean, 4, times 5 / (20 / 2)
}

}  // namespace
}  // namespace downpour::testing
