// A newer shard map at running servers: who comes with the old one is refused, fetches it, and goes on by itself.
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/data_plane/ledger.h"
#include "tests/data_plane/test_cluster.h"

namespace downpour {
namespace {

class NewerMapTest : public ::testing::TestWithParam<CarrierKind> {
 protected:
  NewerMapTest()
      : cluster_(GetParam(), {.tables = {3000, 2000}, .shard_elements = 1000, .servers = 2}), ledger_(cluster_.map()) {}

  // A client that hears of epochs from nobody but who refuses it.
  std::unique_ptr<PsClient> Join(uint32_t worker) {
    PsClientOptions options = cluster_.Options(worker);
    options.heartbeat_period = absl::Seconds(1000);
    auto client = PsClient::Join(options, cluster_.Carriers(worker));
    EXPECT_EQ(client.status(), absl::OkStatus());
    return client.ok() ? *std::move(client) : nullptr;
  }

  void InstallMap(ServerId server, uint64_t epoch) {
    ShardMapProto map = cluster_.map().ToProto();
    map.set_epoch(epoch);
    EXPECT_EQ(cluster_.host(server).InstallMap(ShardMap::FromProto(map).value()), absl::OkStatus());
  }

  void Push(PsClient* client, TableIndex table) {
    const std::optional<Ledger::Push> push = ledger_.Add(table);
    ASSERT_TRUE(push.has_value());
    auto values = std::make_shared<const std::vector<float>>(ledger_.GradientOf(*push));
    Gradient gradient;
    gradient.table = table;
    gradient.values = {reinterpret_cast<const std::byte*>(values->data()), values->size() * sizeof(float)};
    gradient.owner = std::move(values);
    OperationOptions options;
    options.done = [this, push](const OperationResult& result) {
      for (const ShardOutcome& outcome : result.pushes) {
        ledger_.Record(*push, outcome.shard,
                       outcome.fate == ShardFate::kApplied ? Ledger::Fate::kApplied : Ledger::Fate::kNotApplied);
      }
    };
    client->Push({gradient}, std::move(options));
  }

  void ExpectEverythingAppliedOnce(uint64_t pushes_of_shards) {
    EXPECT_EQ(ledger_.counts().applied, pushes_of_shards);
    for (TableIndex table = 0; table < cluster_.map().tables().size(); ++table) {
      EXPECT_EQ(ledger_.Audit(table, cluster_.WeightsOf(table)), absl::OkStatus());
    }
  }

  TestCluster cluster_;
  Ledger ledger_;
};

TEST_P(NewerMapTest, AClientOfTheOldEpochIsRefusedAndGoesOnByItself) {
  const auto client = Join(0);
  ASSERT_NE(client, nullptr);
  Push(client.get(), 0);
  ASSERT_EQ(client->Flush(), absl::OkStatus());
  for (const ServerId server : {0, 1}) InstallMap(server, 7);
  EXPECT_EQ(client->shard_map()->epoch(), 1);
  Push(client.get(), 0);
  Push(client.get(), 1);
  EXPECT_EQ(client->Flush(), absl::OkStatus());
  EXPECT_EQ(client->shard_map()->epoch(), 7);
  EXPECT_GE(client->counters().maps, 1);
  EXPECT_GT(client->counters().refusals, 0);
  ExpectEverythingAppliedOnce(3 + 3 + 2);

  std::vector<float> weights(2000);
  Target target;
  target.table = 1;
  target.memory = {reinterpret_cast<std::byte*>(weights.data()), weights.size() * sizeof(float)};
  for (const ServerId server : {0, 1}) InstallMap(server, 8);
  EXPECT_EQ(client->Wait(client->Pull({target})).status, absl::OkStatus());
  EXPECT_EQ(ledger_.Audit(1, weights), absl::OkStatus());
  EXPECT_EQ(client->shard_map()->epoch(), 8);
}

TEST_P(NewerMapTest, AServerThatHasNotHeardOfItYetIsWaitedFor) {
  const auto client = Join(0);
  ASSERT_NE(client, nullptr);
  InstallMap(0, 2);
  for (int i = 0; i < 5; ++i) Push(client.get(), i % 2);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  InstallMap(1, 2);
  EXPECT_EQ(client->Flush(), absl::OkStatus());
  ExpectEverythingAppliedOnce(3 * 3 + 2 * 2);
}

TEST_P(NewerMapTest, MapsThatComeInTheMiddleOfEverythingLoseAndDoubleNothing) {
  std::array<std::unique_ptr<PsClient>, 2> clients = {Join(0), Join(1)};
  ASSERT_TRUE(clients[0] != nullptr && clients[1] != nullptr);
  std::atomic<bool> done = false;
  std::thread installer([&] {
    for (uint64_t epoch = 2; !done; ++epoch) {
      for (const ServerId server : {0, 1}) InstallMap(server, epoch);
      if (epoch % 3 == 0) cluster_.Cut(epoch % 2, epoch / 3 % 2);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  constexpr int kPushes = 150;
  std::vector<std::thread> workers;
  for (const auto& client : clients) {
    workers.emplace_back([&] {
      for (int i = 0; i < kPushes; ++i) {
        Push(client.get(), i % 2);
        if (i % 10 == 9) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      EXPECT_EQ(client->Flush(), absl::OkStatus());
    });
  }
  for (std::thread& worker : workers) worker.join();
  done = true;
  installer.join();
  EXPECT_GT(clients[0]->counters().maps, 1);
  ExpectEverythingAppliedOnce(2 * kPushes / 2 * (3 + 2));
}

INSTANTIATE_TEST_SUITE_P(AllCarriers, NewerMapTest, ::testing::ValuesIn(AllCarrierKinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace downpour
