// Delay compensation: g + lambda * g * g * (w_now - w_pulled), with the weights that each worker really pulled.

#include <memory>

#include "gtest/gtest.h"
#include "server/shard/shard.h"
#include "server/shard/shard_fixture.h"

namespace downpour::testing {
namespace {

class ShardDelayTest : public ::testing::Test {
 protected:
  ShardDelayTest() {
    shard_ = MakeShard(&pool_, {.element_count = 1,
                                .optimizer = "sgd { learning_rate: 1 } delay_compensation { lambda: 0.5 }",
                                .initializer = "constant { value: 10 }"});
    for (const WorkerId worker : {1, 2}) EXPECT_FALSE(shard_->Join(worker, 1, 0).refusal);
  }

  uint64_t Pull(WorkerId worker) {
    return shard_->Pull({.epoch = 1, .worker = worker, .incarnation = 1}).weights.version;
  }

  float Push(WorkerId worker, uint64_t sequence, float gradient, uint64_t version_pulled) {
    TestPush push({gradient}, sequence);
    push.request.worker = worker;
    push.request.version_pulled = version_pulled;
    EXPECT_EQ(shard_->Push(push.request).outcome.fate, PushFate::kApplied);
    return WeightsOf(*shard_)[0];
  }

  BlockPool pool_;
  std::unique_ptr<Shard> shard_;
};

TEST_F(ShardDelayTest, CorrectsALateGradientByHowFarTheWeightsMoved) {
  EXPECT_EQ(Pull(1), 0u);
  EXPECT_EQ(Pull(2), 0u);
  EXPECT_FLOAT_EQ(Push(2, 1, 4, 0), 6);  // not late: plain
  // g = 2 + 0.5 * 2 * 2 * (6 - 10) = -6
  EXPECT_FLOAT_EQ(Push(1, 1, 2, 0), 12);
  EXPECT_EQ(shard_->counters().uncompensated, 0u);
}

TEST_F(ShardDelayTest, UsesTheVersionThatTheGradientNamesThoughANewerOneWasPulled) {
  Pull(1);
  Push(2, 1, 4, 0);
  EXPECT_EQ(Pull(1), 1u);
  EXPECT_FLOAT_EQ(Push(1, 1, 2, 0), 12);
  // Now from version 1, where w was 6: g = 1 + 0.5 * (12 - 6) = 4
  EXPECT_FLOAT_EQ(Push(1, 2, 1, 1), 8);
}

TEST_F(ShardDelayTest, CountsWhatItCannotCorrect) {
  Push(2, 1, 4, 0);
  EXPECT_FLOAT_EQ(Push(1, 1, 2, 0), 4) << "worker 1 has pulled nothing here";
  EXPECT_EQ(shard_->counters().uncompensated, 1u);
}

TEST_F(ShardDelayTest, KeepsNoMoreThanTwoVersionsOfAWorkerAndNoneOfOneThatLeft) {
  for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
    Pull(1);
    Push(2, sequence, 1, sequence - 1);
  }
  EXPECT_EQ(pool_.statistics().blocks_in_use, 3u) << "the weights and two older versions";
  shard_->Leave(1, 1);
  EXPECT_EQ(pool_.statistics().blocks_in_use, 1u);
}

TEST(ShardWithoutDelayTest, KeepsNoPulledWeights) {
  BlockPool pool;
  const std::unique_ptr<Shard> shard = MakeShard(&pool, {.element_count = 1});
  ASSERT_FALSE(shard->Join(1, 1, 0).refusal);
  (void)shard->Pull({.epoch = 1, .worker = 1, .incarnation = 1});
  const TestPush push({1});
  (void)shard->Push(push.request);
  EXPECT_EQ(pool.statistics().blocks_in_use, 1u);
}

}  // namespace
}  // namespace downpour::testing
