// Threads push and pull at once. The ledger: SGD of rate 1 and integer gradients, so that afterwards every weight is
// the exact count of what was applied to it. Run under the thread sanitizer too.

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/shard/shard.h"
#include "server/shard/shard_fixture.h"

namespace downpour::testing {
namespace {

constexpr size_t kElements = kBlockElements + 100;
constexpr int kWorkers = 4;
constexpr uint64_t kPushes = 40;

// Worker w (from 1) adds w everywhere, by pushes that it sends twice now and then, and checks each pull to be whole:
// all its elements the same.
void Work(Shard* shard, WorkerId worker, std::atomic<int>* faults) {
  const auto fault_if = [faults](bool wrong) { *faults += wrong; };
  uint64_t version = 0;
  for (uint64_t sequence = 1; sequence <= kPushes; ++sequence) {
    const PullOutcome pull = shard->Pull({.epoch = 1, .worker = worker, .incarnation = 1, .ticket = sequence});
    fault_if(pull.fate != PullFate::kAnswered || pull.weights.version < version);
    version = pull.weights.version;
    const float first = pull.weights.values.block(0)[0];

    TestPush push(std::vector<float>(kElements, -static_cast<float>(worker)), sequence);
    push.request.worker = worker;
    push.request.version_pulled = version;
    fault_if(shard->Push(push.request).outcome.fate != PushFate::kApplied);
    if (sequence % 3 == 0) {
      const PushOutcome again = shard->Push(push.request).outcome;
      fault_if(again.fate != PushFate::kApplied || !again.duplicate);
    }
    for (size_t block = 0; block < pull.weights.values.blocks.size(); ++block) {
      for (const float value : pull.weights.values.block(block)) fault_if(value != first);
    }
  }
}

TEST(ShardThreadTest, EveryPushOfManyThreadsIsInTheWeightsExactlyOnce) {
  BlockPool pool;
  std::vector<std::unique_ptr<Shard>> shards;
  for (int s = 0; s < 3; ++s) {
    shards.push_back(MakeShard(&pool, {.element_count = kElements}));
    for (WorkerId worker = 1; worker <= kWorkers; ++worker) ASSERT_FALSE(shards[s]->Join(worker, 1, 0).refusal);
  }
  std::atomic<int> faults = 0;
  std::vector<std::thread> threads;
  for (WorkerId worker = 1; worker <= kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      for (const std::unique_ptr<Shard>& shard : shards) Work(shard.get(), worker, &faults);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
  for (const std::unique_ptr<Shard>& shard : shards) {
    EXPECT_EQ(WeightsOf(*shard), std::vector<float>(kElements, kPushes * (1 + 2 + 3 + 4)));
    EXPECT_EQ(shard->counters().version, kWorkers * kPushes);
    EXPECT_EQ(shard->counters().duplicates, kWorkers * (kPushes / 3));
  }
  shards.clear();
  EXPECT_EQ(pool.statistics().blocks_in_use, 0u);
}

// The same push sent by two threads at the same moment: one of them applies it.
TEST(ShardThreadTest, TwoCopiesOfAPushThatRaceAreOne) {
  BlockPool pool;
  // Large, so that the check of the elements, which is made without the lock, takes a while.
  constexpr size_t kLarge = 4 * kBlockElements;
  const std::unique_ptr<Shard> shard = MakeShard(&pool, {.element_count = kLarge});
  ASSERT_FALSE(shard->Join(1, 1, 0).refusal);
  for (uint64_t sequence = 1; sequence <= 50; ++sequence) {
    const TestPush push(std::vector<float>(kLarge, -1), sequence);
    std::atomic<int> ready = 0;
    std::atomic<int> duplicates = 0;
    const auto send = [&] {
      ++ready;
      while (ready < 2) std::this_thread::yield();
      duplicates += shard->Push(push.request).outcome.duplicate;
    };
    std::thread other(send);
    send();
    other.join();
    EXPECT_EQ(duplicates, 1);
  }
  EXPECT_EQ(WeightsOf(*shard), std::vector<float>(kLarge, 50));
}

// Under a policy that holds, with workers that come and go: each held push has one completion, wherever it comes out.
TEST(ShardThreadTest, HeldPushesOfManyThreadsAreAllCompleted) {
  BlockPool pool;
  const std::unique_ptr<Shard> shard = MakeShard(&pool, {.element_count = 500, .policy = "sync {}"});
  constexpr WorkerId kMembers = 3;
  for (WorkerId worker = 1; worker <= kMembers; ++worker) ASSERT_FALSE(shard->Join(worker, 1, 0).refusal);
  std::atomic<uint64_t> applied = 0;
  std::atomic<int> faults = 0;
  std::vector<std::atomic<uint64_t>> answered(kMembers + 1);  // by worker: the clock that its last answered pull had
  const auto deliver = [&](const Completions& completions) {
    for (const PushCompletion& push : completions.pushes) {
      applied += push.outcome.fate == PushFate::kApplied;
      faults += push.outcome.fate != PushFate::kApplied;
    }
    for (const PullCompletion& pull : completions.pulls) answered[pull.worker] = pull.ticket;
  };
  std::vector<std::thread> threads;
  for (WorkerId worker = 1; worker <= kMembers; ++worker) {
    threads.emplace_back([&, worker] {
      for (uint64_t step = 1; step <= 100; ++step) {
        const auto push = std::make_shared<TestPush>(std::vector<float>(500, -3), step);
        push->request.worker = worker;
        PushRequest request = push->request;
        request.owner = push;
        const PushAnswer answer = shard->Push(std::move(request));
        applied += answer.outcome.fate == PushFate::kApplied;
        faults += answer.outcome.fate == PushFate::kRefused;
        deliver(answer.completions);
        const PullOutcome pull =
            shard->Pull({.epoch = 1, .worker = worker, .incarnation = 1, .clock = step, .ticket = step});
        faults += pull.fate == PullFate::kRefused;
        while (pull.fate == PullFate::kWaiting && answered[worker] < step) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(faults, 0);
  EXPECT_EQ(applied, kMembers * 100);
  EXPECT_EQ(shard->counters().version, 100u);
  EXPECT_EQ(WeightsOf(*shard), std::vector<float>(500, 300));
}

}  // namespace
}  // namespace downpour::testing
