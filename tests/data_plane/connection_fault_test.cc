// What networks do to connections: a real server process, a client, and a proxy of ours between them.
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/data_plane/fault_world.h"
#include "tests/data_plane/faulty_proxy.h"

namespace downpour {
namespace {

using Way = FaultyProxy::Way;

class ConnectionFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = FaultServer::Start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    auto proxy = FaultyProxy::Start(server_->address());
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }

  void Join() {
    LedgerClient::Options options;
    options.address = proxy_->address();
    auto client = LedgerClient::Join(options, &ledger_);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  // Waits until so many bytes have passed in this way since `before`.
  void AwaitBytes(Way way, uint64_t before, uint64_t bytes) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (proxy_->bytes(way) < before + bytes) {
      ASSERT_LT(absl::Now(), deadline) << "only " << proxy_->bytes(way) - before << " bytes have passed";
      absl::SleepFor(absl::Milliseconds(2));
    }
  }

  // All pushes have been applied, once; the ledger agrees with the weights.
  void ExpectAllApplied() {
    EXPECT_EQ(client_->SettleAll(), absl::OkStatus());
    EXPECT_EQ(AuditServer(server_->address(), ledger_), absl::OkStatus());
    EXPECT_EQ(ledger_.counts().unknown, 0u);
    EXPECT_EQ(ledger_.counts().not_applied, 0u);
    EXPECT_TRUE(server_->process().running());
  }

  Ledger ledger_{*ShardMap::FromProto(FaultJob().shard_map())};
  std::unique_ptr<FaultServer> server_;
  std::unique_ptr<FaultyProxy> proxy_;
  std::unique_ptr<LedgerClient> client_;
};

TEST_F(ConnectionFaultTest, ConnectionsCutInTheMiddleOfMessagesLoseAndRepeatNothing) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    proxy_->CutEach(seed, 100'000, 12'000'000);
    if (client_ == nullptr) {
      ASSERT_NO_FATAL_FAILURE(Join());
    }
    proxy_->CutAll();  // so that the seed's cuts begin
    const int cuts = proxy_->cuts();
    for (int i = 0; i < 12; ++i) {
      for (TableIndex table = 0; table < kFaultTables; ++table) ASSERT_TRUE(client_->Push(table));
      const auto weights = client_->Pull(i % kFaultTables);
      EXPECT_TRUE(weights.ok()) << weights.status();
    }
    EXPECT_EQ(client_->SettleAll(), absl::OkStatus());
    EXPECT_GT(proxy_->cuts(), cuts) << "nothing was cut, so nothing was tested";
  }
  proxy_->Heal();
  EXPECT_GT(client_->client().counters().resends, 0u);
  ExpectAllApplied();
}

TEST_F(ConnectionFaultTest, ACutAtAnyByteOfAShortConversationIsMended) {
  ASSERT_NO_FATAL_FAILURE(Join());
  for (const Way way : {Way::kToServer, Way::kToClient}) {
    for (const uint64_t bytes : {0, 1, 9, 24, 60, 100, 170, 250, 400, 1000}) {
      proxy_->CutAt(way, bytes);
      ASSERT_TRUE(client_->Push(kSmallTable));
      EXPECT_EQ(client_->SettleAll(), absl::OkStatus()) << bytes;
      EXPECT_TRUE(client_->Pull(kSmallTable).ok()) << bytes;
    }
  }
  EXPECT_GE(proxy_->cuts(), 15);
  proxy_->Heal();
  ExpectAllApplied();
}

TEST_F(ConnectionFaultTest, AStreamEndedInTheMiddleOfAMessageIsMended) {
  ASSERT_NO_FATAL_FAILURE(Join());
  for (const Way way : {Way::kToServer, Way::kToClient}) {
    for (const uint64_t bytes : {50, 700, 1'500'000}) {
      proxy_->TruncateAt(way, bytes);
      ASSERT_TRUE(client_->Push(kLargeTable));
      EXPECT_EQ(client_->SettleAll(), absl::OkStatus()) << bytes;
      EXPECT_TRUE(client_->Pull(kLargeTable).ok()) << bytes;
    }
  }
  EXPECT_GE(proxy_->cuts(), 6);
  ExpectAllApplied();
}

TEST_F(ConnectionFaultTest, PushesWhoseAcknowledgementsAreLostAreAppliedOnce) {
  ASSERT_NO_FATAL_FAILURE(Join());
  ASSERT_TRUE(client_->Push(kSmallTable));
  EXPECT_EQ(client_->SettleAll(), absl::OkStatus());  // the server's hello has come
  for (int round = 0; round < 4; ++round) {
    const uint64_t before = proxy_->bytes(Way::kToServer);
    proxy_->Stall(Way::kToClient);
    // Less than HTTP/2's first window, which the server cannot widen now: so all of it is sent, and the server applies
    // it.
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(client_->Push(kSmallTable));
    AwaitBytes(Way::kToServer, before, 3 * 4000);
    absl::SleepFor(absl::Milliseconds(50));
    EXPECT_EQ(client_->under_way(), 3u);
    proxy_->CutAll();
    proxy_->Heal();
    EXPECT_EQ(client_->SettleAll(), absl::OkStatus());
  }
  EXPECT_GE(client_->client().counters().resends, 4u);
  ExpectAllApplied();
}

TEST_F(ConnectionFaultTest, AStalledConnectionGoesOnWhereItWas) {
  ASSERT_NO_FATAL_FAILURE(Join());
  for (const Way way : {Way::kToServer, Way::kToClient}) {
    proxy_->Stall(way);
    ASSERT_TRUE(client_->Push(kLargeTable));
    ASSERT_TRUE(client_->Push(kSmallTable));
    absl::SleepFor(absl::Milliseconds(300));
    proxy_->Heal();
    EXPECT_EQ(client_->SettleAll(), absl::OkStatus());
  }
  EXPECT_EQ(client_->client().counters().disconnects, 0u);
  ExpectAllApplied();
}

TEST_F(ConnectionFaultTest, DelayedBytesArriveInTheEnd) {
  ASSERT_NO_FATAL_FAILURE(Join());
  proxy_->Delay(Way::kToServer, absl::Milliseconds(20));
  proxy_->Delay(Way::kToClient, absl::Milliseconds(30));
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(client_->Push(kSmallTable));
    ASSERT_TRUE(client_->Push(kMediumTable));
  }
  EXPECT_EQ(client_->SettleAll(), absl::OkStatus());
  proxy_->Heal();
  ExpectAllApplied();
}

TEST_F(ConnectionFaultTest, AServerThatCannotBeReachedForAWhileIsReachedAgain) {
  ASSERT_NO_FATAL_FAILURE(Join());
  proxy_->Refuse();
  proxy_->CutAll();
  ASSERT_TRUE(client_->Push(kLargeTable));
  ASSERT_TRUE(client_->Push(kSmallTable));
  absl::SleepFor(absl::Milliseconds(400));
  EXPECT_EQ(client_->under_way(), 2u);
  proxy_->Heal();
  ExpectAllApplied();
}

TEST_F(ConnectionFaultTest, AConnectionThatIsPlayedAgainChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(Join());
  // From the next connection on: a join that is played again is a join, and replaces the worker.
  proxy_->Record();
  proxy_->CutAll();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client_->Push(kSmallTable));
  EXPECT_EQ(client_->SettleAll(), absl::OkStatus());
  const auto before = client_->Pull(kSmallTable);
  ASSERT_TRUE(before.ok()) << before.status();
  for (int round = 0; round < 3; ++round) {
    EXPECT_GT(proxy_->Replay(), 0);
    // Whoever of the two the server listens to now, the client's pushes get through.
    ASSERT_TRUE(client_->Push(kSmallTable));
    ASSERT_TRUE(client_->Push(kMediumTable));
    EXPECT_EQ(client_->SettleAll(), absl::OkStatus());
  }
  ExpectAllApplied();
}

}  // namespace
}  // namespace downpour
