// What a client does while all goes well.
#include "worker/client/ps_client.h"

#include <array>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/tensor/half.h"
#include "gtest/gtest.h"
#include "worker/client/client_fixture.h"

namespace downpour {
namespace {

using testing::MakeFakeMap;
using testing::MakeGradient;
using testing::MakeTarget;

class PsClientTest : public testing::ClientTest {};

TEST_F(PsClientTest, APushIsAppliedToEveryShardOfItsTableBeforeItsEnd) {
  StartAndJoin(MakeFakeMap({10, 3}, 4, 2));
  const OperationHandle push = Push(0, 2, {.clock = 1});
  const OperationResult& result = client_->Wait(push);
  EXPECT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(result.Count(ShardFate::kApplied), 3);
  EXPECT_EQ(result.pushes[2].shard, 2);
  EXPECT_EQ(result.pushes[2].version, 1);
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(10, -2));
  EXPECT_EQ(cluster_->WeightsOf(1), std::vector<float>(3, 0));
}

TEST_F(PsClientTest, APushInProcessIsAppliedWhenPushReturns) {
  StartAndJoin(MakeFakeMap({10}, 4, 1));
  EXPECT_TRUE(Push(0, 1)->over());
}

TEST_F(PsClientTest, APullBringsAllWeightsWithTheirVersionsAndTheClock) {
  StartAndJoin(MakeFakeMap({10, 3}, 4, 2));
  Push(1, 3);
  Push(0, 1);
  Push(0, 1);
  std::vector<float> first(10), second(3);
  const OperationHandle pull = client_->Pull({MakeTarget(0, &first), MakeTarget(1, &second)}, {.clock = 7});
  const OperationResult& result = client_->Wait(pull);
  ASSERT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(first, std::vector<float>(10, -2));
  EXPECT_EQ(second, std::vector<float>(3, -3));
  EXPECT_EQ(result.clock, 7);
  ASSERT_EQ(result.pulled.size(), 2);
  EXPECT_EQ(result.pulled[0].versions, (absl::InlinedVector<uint64_t, 1>{2, 2, 2}));
  EXPECT_EQ(result.pulled[1].versions, (absl::InlinedVector<uint64_t, 1>{1}));
}

TEST_F(PsClientTest, WeightsAreHandedOverWhereTheyLie) {
  class Collect final : public WeightsSink {
   public:
    void Take(TableIndex table, uint64_t first_byte, absl::Span<const std::byte> bytes,
              const std::shared_ptr<const void>& owner) override {
      EXPECT_EQ(table, 0);
      EXPECT_NE(owner, nullptr);
      owners.insert(owner);
      std::memcpy(reinterpret_cast<std::byte*>(weights.data()) + first_byte, bytes.data(), bytes.size());
    }
    std::vector<float> weights = std::vector<float>(10);
    std::set<std::shared_ptr<const void>> owners;
  } sink;
  StartAndJoin(MakeFakeMap({10}, 4, 2));
  Push(0, 5);
  EXPECT_EQ(client_->Wait(client_->Pull({{.table = 0, .sink = &sink}})).status, absl::OkStatus());
  EXPECT_EQ(sink.weights, std::vector<float>(10, -5));
  EXPECT_EQ(sink.owners.size(), 3);
}

TEST_F(PsClientTest, PushPullBringsWeightsThatHaveThePush) {
  StartAndJoin(MakeFakeMap({10, 3}, 4, 2));
  std::vector<float> first(10), second(3, 9);
  const OperationHandle both =
      client_->PushPull({MakeGradient(0, 10, 4)}, {MakeTarget(0, &first), MakeTarget(1, &second)});
  EXPECT_EQ(client_->Wait(both).status, absl::OkStatus());
  EXPECT_EQ(first, std::vector<float>(10, -4));
  EXPECT_EQ(second, std::vector<float>(3, 0));
}

TEST_F(PsClientTest, A16BitGradientArrivesAsIs) {
  StartAndJoin(MakeFakeMap({5}, 2, 1));
  const std::vector<BFloat16> brain(5, BFloat16::FromFloat(1.5f));
  const std::vector<Float16> half(5, Float16::FromFloat(0.25f));
  const auto bytes = [](const auto& v) { return absl::Span(reinterpret_cast<const std::byte*>(v.data()), 10); };
  client_->Push({{.table = 0, .dtype = DType::kBFloat16, .values = bytes(brain)}});
  client_->Push({{.table = 0, .dtype = DType::kFloat16, .values = bytes(half)}});
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(5, -1.75));
}

TEST_F(PsClientTest, AnEmptyGradientIsZerosToEveryShard) {
  StartAndJoin(MakeFakeMap({200'000}, 90'000, 2));
  EXPECT_EQ(client_->Wait(client_->Push({{.table = 0, .zeros = true}}, {.clock = 3})).status, absl::OkStatus());
  EXPECT_EQ(cluster_->applied(), 3);
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(200'000, 0));
}

TEST_F(PsClientTest, AGradientSaysFromWhichWeightsItWasComputed) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  std::vector<float> weights(4);
  Push(0, 1);
  client_->Wait(client_->Pull({MakeTarget(0, &weights)}));
  Push(0, 1);  // from the last pulled
  const std::array<uint64_t, 1> initial = {0};
  Gradient gradient = MakeGradient(0, 4, 1);
  gradient.versions = initial;
  client_->Wait(client_->Push({gradient}));
  const std::vector<wire::PushPiece> headers = cluster_->headers();
  ASSERT_EQ(headers.size(), 3);
  EXPECT_EQ(headers[0].version_pulled(), 0);
  EXPECT_EQ(headers[1].version_pulled(), 1);
  EXPECT_EQ(headers[2].version_pulled(), 0);
}

TEST_F(PsClientTest, TheNormOfTheWholeTableGoesWithEachOfItsShardsWhereTheJobClips) {
  Start(MakeFakeMap({9, 2}, 5, 1));
  options_.send_table_norms = true;
  Join();
  Push(0, 2);
  Push(1, 2);
  const std::vector<wire::PushPiece> headers = cluster_->headers();
  ASSERT_EQ(headers.size(), 3);
  EXPECT_DOUBLE_EQ(headers[0].table_gradient_norm(), 6);
  EXPECT_DOUBLE_EQ(headers[1].table_gradient_norm(), 6);
  EXPECT_FALSE(headers[2].has_table_gradient_norm());
}

TEST_F(PsClientTest, WhatIsMoreUrgentOvertakesWhatWaits) {
  StartAndJoin(MakeFakeMap({4, 4, 4, 4}, 4, 1));
  // Nothing is sent while the first operation is being announced: its `done` runs within the exchange.
  OperationOptions first;
  first.done = [&](const OperationResult&) {
    Push(1, 1, {.priority = 5});
    Push(2, 1, {.priority = 5});
    Push(3, 1, {.priority = -1});
  };
  Push(0, 1, std::move(first));
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
  EXPECT_EQ(cluster_->log(), (std::vector<std::string>{"push 0 #1", "push 3 #1", "push 1 #1", "push 2 #1"}));
}

TEST_F(PsClientTest, AnOperationWithoutPartsIsOver) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  EXPECT_EQ(client_->Wait(client_->Push({})).status, absl::OkStatus());
}

TEST_F(PsClientTest, ArgumentsThatMakeNoSenseAreNamed) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  std::vector<float> short_memory(3);
  const std::array<uint64_t, 2> versions = {};
  Gradient two_versions = MakeGradient(0, 4, 1);
  two_versions.versions = versions;
  Gradient integers = MakeGradient(0, 4, 1);
  integers.dtype = DType::kInt32;
  std::vector<float> memory(4);
  for (const OperationHandle& operation :
       {client_->Push({MakeGradient(1, 4, 1)}), client_->Push({MakeGradient(0, 3, 1)}), client_->Push({two_versions}),
        client_->Push({integers}), client_->Pull({MakeTarget(0, &short_memory)}), client_->Pull({{.table = 9}}),
        client_->Pull({MakeTarget(0, &memory), MakeTarget(0, &memory)})}) {
    EXPECT_EQ(client_->Wait(operation).status.code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(client_->Flush().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
  EXPECT_EQ(cluster_->applied(), 0);
}

TEST_F(PsClientTest, TheOwnerOfAPushIsLetGoWhenItIsOver) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  testing::FakeFaults faults;
  faults.hold = true;
  cluster_->SetFaults(faults);
  Gradient gradient = MakeGradient(0, 4, 1);
  const std::weak_ptr<const void> owner = gradient.owner;
  OperationHandle push = client_->Push({gradient});
  gradient = {};
  EXPECT_FALSE(push->over());
  EXPECT_FALSE(owner.expired());  // it may have to be sent again
  cluster_->ReleaseHeld();
  EXPECT_EQ(client_->Wait(push).status, absl::OkStatus());
  push = nullptr;
  EXPECT_TRUE(owner.expired());
}

TEST_F(PsClientTest, NoMoreThan64PushesOfAShardAreOpen) {
  StartAndJoin(MakeFakeMap({1}, 1, 1));
  testing::FakeFaults faults;
  faults.hold = true;
  cluster_->SetFaults(faults);
  for (int i = 0; i < 100; ++i) Push(0, 1);
  EXPECT_EQ(cluster_->log().size(), 64);
  cluster_->ReleaseHeld();
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0)[0], -100);
  EXPECT_EQ(cluster_->duplicates(), 0);
}

TEST_F(PsClientTest, AThousandPushesFromFourThreadsAreEachAppliedOnce) {
  StartAndJoin(MakeFakeMap({64, 7}, 16, 2));
  std::vector<std::thread> threads;
  std::atomic<int> done = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 250; ++i) {
        OperationOptions options;
        options.priority = i % 3;
        options.done = [&](const OperationResult& result) { done += result.status.ok(); };
        Push(t % 2, 1, std::move(options));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
  EXPECT_EQ(done, 1000);
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(64, -500));
  EXPECT_EQ(cluster_->WeightsOf(1), std::vector<float>(7, -500));
}

TEST_F(PsClientTest, HeartbeatsGoToEveryServer) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  WaitUntil([&] { return cluster_->heartbeats(0) > 2 && cluster_->heartbeats(1) > 2; });
}

TEST_F(PsClientTest, AfterLeavingNothingGoesOn) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  Push(0, 1);
  EXPECT_EQ(client_->Leave(), absl::OkStatus());
  EXPECT_EQ(client_->Wait(Push(0, 1)).status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(8, -1));
}

TEST_F(PsClientTest, JoiningWaitsForAServerThatIsNotThereYetButNotForEver) {
  Start(MakeFakeMap({8}, 4, 2));
  testing::FakeFaults faults;
  faults.control = absl::UnavailableError("not yet");
  cluster_->SetFaults(faults);
  options_.join_timeout = absl::Milliseconds(30);
  EXPECT_EQ(PsClient::Join(options_, cluster_->Carriers()).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace downpour
