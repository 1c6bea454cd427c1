// What happens to processes: servers that stand still and servers that are killed, workers killed in the middle of a
// push, two of them under one name, and workers that come from elsewhere.
#include <signal.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/data_plane/fault_world.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

class ProcessFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = FaultServer::Start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::unique_ptr<LedgerClient> Join(uint32_t worker) {
    LedgerClient::Options options;
    options.worker = worker;
    options.address = server_->address();
    auto client = LedgerClient::Join(options, &ledger_);
    EXPECT_TRUE(client.ok()) << client.status();
    return client.ok() ? *std::move(client) : nullptr;
  }

  Ledger ledger_{*ShardMap::FromProto(FaultJob().shard_map())};
  std::unique_ptr<FaultServer> server_;
};

TEST_F(ProcessFaultTest, AServerThatStandsStillForAWhileLosesAndRepeatsNothing) {
  const auto client = Join(0);
  ASSERT_NE(client, nullptr);
  for (int round = 0; round < 3; ++round) {
    for (TableIndex table = 0; table < kFaultTables; ++table) ASSERT_TRUE(client->Push(table));
    server_->process().Stop();
    for (TableIndex table = 0; table < kFaultTables; ++table) ASSERT_TRUE(client->Push(table));
    absl::SleepFor(absl::Milliseconds(700));
    server_->process().Continue();
    EXPECT_EQ(client->SettleAll(), absl::OkStatus());
  }
  EXPECT_EQ(AuditServer(server_->address(), ledger_), absl::OkStatus());
  EXPECT_EQ(ledger_.counts().unknown, 0u);
}

TEST_F(ProcessFaultTest, OfAWorkerKilledInTheMiddleOfAPushNothingIsThereInPart) {
  const auto survivor = Join(1);
  ASSERT_NE(survivor, nullptr);
  for (int round = 0; round < 4; ++round) {
    constexpr int kPushes = 300;
    std::vector<Ledger::Push> pushes;
    for (int i = 0; i < kPushes; ++i) pushes.push_back(*ledger_.Add(kLargeTable));
    auto worker = ChildProcess::Start(
        "tests/data_plane/ledger_worker",
        {server_->address(), absl::StrCat(kLargeTable), absl::StrCat(pushes.front().index), absl::StrCat(kPushes)});
    ASSERT_TRUE(worker.ok()) << worker.status();
    (*worker)->Output("applied");  // it is in the middle of them
    ASSERT_TRUE(survivor->Push(kLargeTable));
    absl::SleepFor(absl::Milliseconds(3 + 7 * round));
    (*worker)->Kill();
    // Each line is an acknowledgement that it has had; of the others nobody knows.
    std::istringstream lines((*worker)->Output());
    std::string word;
    uint32_t index = 0;
    int applied = 0;
    while (lines >> word >> index) {
      ASSERT_EQ(word, "applied");
      ledger_.Record({kLargeTable, index}, Ledger::Fate::kApplied);
      ++applied;
    }
    EXPECT_GT(applied, 0);
    EXPECT_LT(applied, kPushes) << "it was not killed in the middle";
    EXPECT_EQ(survivor->SettleAll(), absl::OkStatus());
    EXPECT_EQ(AuditServer(server_->address(), ledger_), absl::OkStatus());
  }
  EXPECT_TRUE(server_->process().running());
}

TEST_F(ProcessFaultTest, OfTwoWorkersWithOneNumberTheSecondTakesThePlaceOfTheFirst) {
  const auto first = Join(0);
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(first->Push(kMediumTable));
  EXPECT_EQ(first->SettleAll(), absl::OkStatus());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(first->Push(kLargeTable));
  const auto second = Join(0);
  ASSERT_NE(second, nullptr);
  first->SettleAll().IgnoreError();  // some made it, some did not; the ledger knows
  ASSERT_TRUE(first->Push(kMediumTable));
  const absl::Status replaced = first->SettleAll();
  EXPECT_EQ(replaced.code(), absl::StatusCode::kFailedPrecondition) << replaced;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(second->Push(kLargeTable));
  EXPECT_EQ(second->SettleAll(), absl::OkStatus());
  EXPECT_EQ(AuditServer(server_->address(), ledger_), absl::OkStatus());
}

TEST_F(ProcessFaultTest, AServerThatWasKilledAndCameBackEmptyIsNoticedAndNotTrainedAgainst) {
  const auto client = Join(0);
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client->Push(kLargeTable));
  EXPECT_EQ(client->SettleAll(), absl::OkStatus());
  server_->process().Kill();
  ASSERT_TRUE(client->Push(kSmallTable));
  ASSERT_EQ(server_->StartAgain(), absl::OkStatus());
  const absl::Status lost = client->SettleAll();
  EXPECT_EQ(lost.code(), absl::StatusCode::kDataLoss) << lost;
  // At once from now on, for whatever is asked.
  ASSERT_TRUE(client->Push(kMediumTable));
  EXPECT_EQ(client->SettleAll().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(client->Pull(kSmallTable).status().code(), absl::StatusCode::kDataLoss);
  // A new run on the new server begins from nothing.
  const Ledger nothing(*ShardMap::FromProto(FaultJob().shard_map()));
  EXPECT_EQ(AuditServer(server_->address(), nothing), absl::OkStatus());
}

TEST_F(ProcessFaultTest, AServerThatIsToldToEndDrainsAndEndsWithSuccess) {
  const auto client = Join(0);
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client->Push(kLargeTable));
  EXPECT_EQ(client->SettleAll(), absl::OkStatus());
  server_->process().Signal(SIGTERM);
  EXPECT_EQ(server_->process().Wait(absl::Seconds(20)), 0);
}

TEST_F(ProcessFaultTest, AWorkerOfAnotherJobIsRefusedAndChangesNothing) {
  const auto client = Join(0);
  ASSERT_NE(client, nullptr);
  ASSERT_TRUE(client->Push(kSmallTable));
  EXPECT_EQ(client->SettleAll(), absl::OkStatus());
  LedgerClient::Options options;
  options.worker = 1;
  options.address = server_->address();
  options.job = FaultJob('g');
  const absl::Status refused = LedgerClient::Join(options, &ledger_).status();
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.code(), absl::StatusCode::kDeadlineExceeded) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("job"));
  EXPECT_EQ(AuditServer(server_->address(), ledger_), absl::OkStatus());
}

TEST_F(ProcessFaultTest, AWorkerWithAnOldShardMapGetsTheNewOne) {
  LedgerClient::Options options;
  options.address = server_->address();
  options.job = FaultJob('f', /*epoch=*/5);
  const auto first = LedgerClient::Join(options, &ledger_);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto late = Join(1);  // brings epoch 1
  ASSERT_NE(late, nullptr);
  EXPECT_EQ(late->client().shard_map()->epoch(), 5u);
  ASSERT_TRUE(late->Push(kLargeTable));
  EXPECT_EQ(late->SettleAll(), absl::OkStatus());
  EXPECT_EQ(AuditServer(server_->address(), ledger_), absl::OkStatus());
}

}  // namespace
}  // namespace downpour
