// What holds over every carrier: one suite for all implementations of Carrier, with the real client and real servers.
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/data_plane/ledger.h"
#include "tests/data_plane/test_cluster.h"

namespace downpour {
namespace {

class CarrierConformanceTest : public ::testing::TestWithParam<CarrierKind> {
 protected:
  void Start(const TestJob& job) { cluster_ = std::make_unique<TestCluster>(GetParam(), job); }

  static Gradient MakeGradient(TableIndex table, std::vector<float> values) {
    auto owner = std::make_shared<const std::vector<float>>(std::move(values));
    Gradient gradient;
    gradient.table = table;
    gradient.values = {reinterpret_cast<const std::byte*>(owner->data()), owner->size() * sizeof(float)};
    gradient.owner = std::move(owner);
    return gradient;
  }
  static Target MakeTarget(TableIndex table, std::vector<float>* memory) {
    Target target;
    target.table = table;
    target.memory = {reinterpret_cast<std::byte*>(memory->data()), memory->size() * sizeof(float)};
    return target;
  }

  // Pushes to `table` through the ledger; what the client is told is noted when it is told.
  static void PushByLedger(Ledger* ledger, PsClient* client, TableIndex table) {
    const std::optional<Ledger::Push> push = ledger->Add(table);
    ASSERT_TRUE(push.has_value());
    OperationOptions options;
    options.done = [ledger, push](const OperationResult& result) {
      for (const ShardOutcome& outcome : result.pushes) {
        ledger->Record(*push, outcome.shard,
                       outcome.fate == ShardFate::kApplied   ? Ledger::Fate::kApplied
                       : outcome.fate == ShardFate::kUnknown ? Ledger::Fate::kUnknown
                                                             : Ledger::Fate::kNotApplied);
      }
    };
    client->Push({MakeGradient(table, ledger->GradientOf(*push))}, std::move(options));
  }

  void Audit(const Ledger& ledger) {
    for (TableIndex table = 0; table < cluster_->map().tables().size(); ++table) {
      EXPECT_EQ(ledger.Audit(table, cluster_->WeightsOf(table)), absl::OkStatus());
    }
  }

  std::unique_ptr<TestCluster> cluster_;
};

TEST_P(CarrierConformanceTest, WhatIsPushedIsPulled) {
  Start({.tables = {1000, 3, 70'000}, .shard_elements = 30'000, .servers = 2});
  const std::unique_ptr<PsClient> client = cluster_->Join();
  ASSERT_NE(client, nullptr);
  std::vector<float> gradient(70'000);
  for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = static_cast<float>(i);
  client->Push({MakeGradient(0, std::vector<float>(1000, 2)), MakeGradient(2, gradient)});
  ASSERT_EQ(client->Flush(), absl::OkStatus());
  std::vector<float> first(1000), second(3, 9), third(70'000);
  const OperationHandle pull =
      client->Pull({MakeTarget(0, &first), MakeTarget(1, &second), MakeTarget(2, &third)}, {.clock = 5});
  const OperationResult& result = client->Wait(pull);
  ASSERT_EQ(result.status, absl::OkStatus());
  EXPECT_EQ(first, std::vector<float>(1000, -2));
  EXPECT_EQ(second, std::vector<float>(3, 0));
  for (size_t i = 0; i < third.size(); ++i) ASSERT_EQ(third[i], -gradient[i]) << i;
  EXPECT_EQ(result.pulled[2].versions, (absl::InlinedVector<uint64_t, 1>{1, 1, 1}));
  EXPECT_EQ(client->Leave(), absl::OkStatus());
}

TEST_P(CarrierConformanceTest, ATableLargerThanEveryWindowGoesThrough) {
  constexpr size_t kElements = 9 << 20;
  Start({.tables = {kElements}});
  const std::unique_ptr<PsClient> client = cluster_->Join();
  std::vector<float> weights(kElements);
  const OperationHandle both =
      client->PushPull({MakeGradient(0, std::vector<float>(kElements, 3))}, {MakeTarget(0, &weights)});
  ASSERT_EQ(client->Wait(both).status, absl::OkStatus());
  EXPECT_EQ(weights, std::vector<float>(kElements, -3));
}

TEST_P(CarrierConformanceTest, ManySmallTablesOfManyWorkersAreEachAppliedOnce) {
  constexpr uint32_t kWorkers = 64;
  constexpr size_t kTables = 40;
  Start({.tables = std::vector<uint64_t>(kTables, 128), .servers = 1});
  Ledger ledger(cluster_->map());
  std::vector<std::unique_ptr<PsClient>> clients;
  for (uint32_t worker = 0; worker < kWorkers; ++worker) clients.push_back(cluster_->Join(worker));
  for (const std::unique_ptr<PsClient>& client : clients) {
    for (TableIndex table = 0; table < kTables; ++table) PushByLedger(&ledger, client.get(), table);
  }
  for (const std::unique_ptr<PsClient>& client : clients) EXPECT_EQ(client->Flush(), absl::OkStatus());
  EXPECT_EQ(ledger.counts().applied, kWorkers * kTables);
  Audit(ledger);
}

TEST_P(CarrierConformanceTest, CutsLoseAndDoubleNothing) {
  Start({.tables = {300'000, 2000}, .shard_elements = 200'000, .servers = 2});
  Ledger ledger(cluster_->map());
  std::vector<std::unique_ptr<PsClient>> clients;
  for (uint32_t worker = 0; worker < 2; ++worker) clients.push_back(cluster_->Join(worker));
  // Each cut waits for some progress: a machine may be slower to connect than a test to cut.
  std::atomic<bool> done = false;
  std::thread cutter([&] {
    std::array<uint64_t, 2> answered = {};
    for (uint32_t i = 0; !done; ++i) {
      const uint32_t worker = i % 2;
      const uint64_t now = clients[worker]->counters().pushes_answered;
      if (now >= answered[worker] + 5) {
        answered[worker] = now;
        cluster_->Cut(worker, (i / 2) % 2);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  std::vector<std::thread> workers;
  for (const std::unique_ptr<PsClient>& client : clients) {
    workers.emplace_back([&, client = client.get()] {
      std::vector<float> weights(2000);
      for (int i = 0; i < 100; ++i) {
        PushByLedger(&ledger, client, i % 2);
        if (i % 8 != 7) continue;
        EXPECT_EQ(client->Wait(client->Pull({MakeTarget(1, &weights)})).status, absl::OkStatus());
      }
      EXPECT_EQ(client->Flush(), absl::OkStatus());
    });
  }
  for (std::thread& worker : workers) worker.join();
  done = true;
  cutter.join();
  EXPECT_EQ(ledger.counts().unknown, 0);
  EXPECT_EQ(ledger.counts().not_applied, 0);
  Audit(ledger);
}

TEST_P(CarrierConformanceTest, ANaNIsRefusedWithTheTableNamedAndChangesNothing) {
  Start({.tables = {100}});
  const std::unique_ptr<PsClient> client = cluster_->Join();
  std::vector<float> values(100, 1);
  values[77] = std::numeric_limits<float>::quiet_NaN();
  const OperationHandle push = client->Push({MakeGradient(0, values)});
  EXPECT_EQ(client->Wait(push).status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(push->result().status.message().find("table0"), std::string::npos) << push->result().status;
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(100, 0));
  EXPECT_EQ(client->Wait(client->Push({MakeGradient(0, std::vector<float>(100, 1))})).status, absl::OkStatus());
}

TEST_P(CarrierConformanceTest, UnderSyncAStepIsOneUpdateOfBothWorkersAndPullsWaitForIt) {
  Start({.tables = {50, 7}, .servers = 2, .policy = "sync { required: 2 }"});
  std::vector<std::unique_ptr<PsClient>> clients;
  for (uint32_t worker = 0; worker < 2; ++worker) clients.push_back(cluster_->Join(worker));
  std::vector<std::thread> workers;
  for (uint32_t worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&, worker] {
      PsClient* const client = clients[worker].get();
      std::vector<float> first(50), second(7);
      for (uint64_t step = 1; step <= 20; ++step) {
        const float value = worker == 0 ? 1 : 3;
        client->PushPull(
            {MakeGradient(0, std::vector<float>(50, value)), MakeGradient(1, std::vector<float>(7, value))}, {},
            {.clock = step});
        const OperationHandle pull = client->Pull({MakeTarget(0, &first), MakeTarget(1, &second)}, {.clock = step});
        ASSERT_EQ(client->Wait(pull).status, absl::OkStatus());
        EXPECT_EQ(first[49], -2.0f * static_cast<float>(step));
        EXPECT_EQ(second[0], -2.0f * static_cast<float>(step));
      }
      EXPECT_EQ(client->Flush(), absl::OkStatus());
    });
  }
  for (std::thread& worker : workers) worker.join();
}

TEST_P(CarrierConformanceTest, TheOneThatJoinsUnderANumberInUseReplacesTheOther) {
  Start({.tables = {50}});
  const std::unique_ptr<PsClient> first = cluster_->Join();
  const std::unique_ptr<PsClient> second = cluster_->Join();
  EXPECT_GT(second->incarnation(), first->incarnation());
  EXPECT_EQ(second->Wait(second->Push({MakeGradient(0, std::vector<float>(50, 1))})).status, absl::OkStatus());
  EXPECT_EQ(first->Wait(first->Push({MakeGradient(0, std::vector<float>(50, 1))})).status.code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(second->status(), absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(50, -1));
}

TEST_P(CarrierConformanceTest, AClientOfAnotherJobIsRefused) {
  Start({.tables = {50}});
  ASSERT_NE(cluster_->Join(), nullptr);
  PsClientOptions options = cluster_->Options(1);
  options.job_fingerprint = std::string(32, 'x');
  options.job->set_job_fingerprint(options.job_fingerprint);
  EXPECT_EQ(PsClient::Join(options, cluster_->Carriers(1)).status().code(), absl::StatusCode::kAlreadyExists);
  options.job.reset();
  EXPECT_EQ(PsClient::Join(options, cluster_->Carriers(1)).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_P(CarrierConformanceTest, AServerThatRestartedEmptyIsReportedAsSuch) {
  if (!GetParam().listens) GTEST_SKIP() << "a server in this process does not restart without its workers";
  Start({.tables = {50, 50}, .servers = 2});
  const std::unique_ptr<PsClient> client = cluster_->Join();
  EXPECT_EQ(client->Wait(client->Push({MakeGradient(0, std::vector<float>(50, 1))})).status, absl::OkStatus());
  cluster_->Restart(1);
  const absl::Status status = client->Wait(client->Push({MakeGradient(1, std::vector<float>(50, 1))})).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_NE(status.message().find("server/1"), std::string::npos) << status;
}

INSTANTIATE_TEST_SUITE_P(Carriers, CarrierConformanceTest, ::testing::ValuesIn(AllCarrierKinds()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace downpour
