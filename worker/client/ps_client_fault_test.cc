// What a client does when connections and servers fail.
#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/client/client_fixture.h"

namespace downpour {
namespace {

using testing::FakeFaults;
using testing::MakeFakeMap;
using testing::MakeGradient;
using testing::MakeTarget;

class PsClientFaultTest : public testing::ClientTest {
 protected:
  void Refuse(wire::Refusal::Reason reason, int pushes, int pulls = 0) {
    FakeFaults faults;
    faults.push_refusal = faults.pull_refusal = reason;
    faults.push_refusals = pushes;
    faults.pull_refusals = pulls;
    cluster_->SetFaults(faults);
  }
};

TEST_F(PsClientFaultTest, APushWhoseAcknowledgementIsLostIsSentAgainAndAppliedOnce) {
  StartAndJoin(MakeFakeMap({10}, 4, 2));
  FakeFaults faults;
  faults.acknowledgements_lost = 2;
  cluster_->SetFaults(faults);
  const OperationHandle push = Push(0, 1);
  EXPECT_EQ(client_->Wait(push).status, absl::OkStatus());
  EXPECT_EQ(push->result().Count(ShardFate::kApplied), 3);
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(10, -1));
  EXPECT_GE(cluster_->duplicates(), 1);
  EXPECT_GE(client_->counters().resends, 1);
}

TEST_F(PsClientFaultTest, APushThatIsLostOnTheWayIsSentAgainUnderTheSameNumber) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  FakeFaults faults;
  faults.pieces_lost = 3;
  cluster_->SetFaults(faults);
  EXPECT_EQ(client_->Wait(Push(0, 1)).status, absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(4, -1));
  EXPECT_EQ(cluster_->headers().back().sequence(), 1);
  EXPECT_EQ(client_->counters().connects, 4);
}

TEST_F(PsClientFaultTest, APushThatIsHeldIsKeptAndSentAgainOnAnotherStream) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  FakeFaults faults;
  faults.hold = true;
  cluster_->SetFaults(faults);
  const OperationHandle push = Push(0, 1);
  cluster_->Break(0, absl::UnavailableError("cut"));
  WaitUntil([&] { return cluster_->log().size() == 2; });
  EXPECT_FALSE(push->over());
  cluster_->ReleaseHeld();
  EXPECT_EQ(client_->Wait(push).status, absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(4, -1));
}

TEST_F(PsClientFaultTest, HeldPushesDoNotCountAsInFlight) {
  StartAndJoin(MakeFakeMap({4, 4, 4}, 4, 1), /*bytes_in_flight_max=*/16);
  FakeFaults faults;
  faults.hold = true;
  cluster_->SetFaults(faults);
  for (TableIndex table = 0; table < 3; ++table) Push(table, 1);
  EXPECT_EQ(cluster_->log().size(), 3);
  cluster_->ReleaseHeld();
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
}

TEST_F(PsClientFaultTest, APullIsAskedAgainOnAnotherStream) {
  StartAndJoin(MakeFakeMap({100}, 40, 1));
  FakeFaults faults;
  int messages = 0;
  faults.tamper = [&](SlicedServerMessage* message) {
    if (!message->pieces.empty() && ++messages == 2) message->rest.mutable_hello();  // a fault: ends the stream
  };
  cluster_->SetFaults(faults);
  Push(0, 1);
  std::vector<float> weights(100);
  EXPECT_EQ(client_->Wait(client_->Pull({MakeTarget(0, &weights)})).status, absl::OkStatus());
  EXPECT_EQ(weights, std::vector<float>(100, -1));
  EXPECT_GE(client_->counters().resends, 3);
}

TEST_F(PsClientFaultTest, AnOperationEndsAtItsDeadlineAndSaysWhatWasWrong) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  Refuse(wire::Refusal::SERVER_BUSY, 1 << 30, 1 << 30);
  const OperationHandle push = Push(0, 1, {.timeout = absl::Milliseconds(20)});
  std::vector<float> weights(4);
  const OperationHandle pull = client_->Pull({MakeTarget(0, &weights)}, {.timeout = absl::Milliseconds(20)});
  for (const OperationHandle& operation : {push, pull}) {
    const absl::Status status = client_->Wait(operation).status;
    EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_NE(status.message().find("as the test wishes"), std::string::npos) << status;
  }
  EXPECT_EQ(push->result().pushes[0].fate, ShardFate::kUnknown);
}

TEST_F(PsClientFaultTest, APushIsNotSentAnewAfterItsDeadline) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  FakeFaults faults;
  faults.hold = true;
  cluster_->SetFaults(faults);
  const OperationHandle push = Push(0, 1, {.timeout = absl::Milliseconds(10)});
  EXPECT_EQ(client_->Wait(push).status.code(), absl::StatusCode::kDeadlineExceeded);
  faults.hold = false;
  cluster_->SetFaults(faults);
  cluster_->Break(0, absl::UnavailableError("cut"));
  EXPECT_EQ(client_->Wait(Push(0, 2)).status, absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(4, -2));
  EXPECT_EQ(cluster_->log(), (std::vector<std::string>{"push 0 #1", "push 0 #2"}));
}

TEST_F(PsClientFaultTest, ABusyServerIsAskedAgain) {
  for (const wire::Refusal::Reason reason :
       {wire::Refusal::SERVER_BUSY, wire::Refusal::OUT_OF_MEMORY, wire::Refusal::EPOCH_FUTURE}) {
    StartAndJoin(MakeFakeMap({10}, 4, 1));
    Refuse(reason, 4, 4);
    Push(0, 1);
    std::vector<float> weights(10);
    client_->Pull({MakeTarget(0, &weights)});
    EXPECT_EQ(client_->Flush(), absl::OkStatus());
    EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(10, -1));
    client_ = nullptr;
  }
}

TEST_F(PsClientFaultTest, ARefusalForGoodEndsTheOperationWithTheShardNamed) {
  StartAndJoin(MakeFakeMap({10}, 4, 1));
  Refuse(wire::Refusal::NOT_FINITE, 1);
  const OperationHandle push = Push(0, 1);
  const OperationResult& result = client_->Wait(push);
  EXPECT_EQ(result.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(result.status.message().find("t0[0, 4)"), std::string::npos) << result.status;
  EXPECT_EQ(result.pushes[0].fate, ShardFate::kRefused);
  // The client goes on.
  EXPECT_EQ(client_->Wait(Push(0, 1)).status, absl::OkStatus());
}

TEST_F(PsClientFaultTest, AReasonThatIsNotKnownIsNotSentAgain) {
  StartAndJoin(MakeFakeMap({4}, 4, 1));
  Refuse(static_cast<wire::Refusal::Reason>(77), 1, 1);
  EXPECT_EQ(client_->Wait(Push(0, 1)).status.code(), absl::StatusCode::kInvalidArgument);
  std::vector<float> weights(4);
  EXPECT_EQ(client_->Wait(client_->Pull({MakeTarget(0, &weights)})).status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PsClientFaultTest, AShardThatHasMovedIsFollowedUnderTheSameNumbers) {
  StartAndJoin(MakeFakeMap({12}, 4, 2));
  Push(0, 1);
  cluster_->SetMap(MakeFakeMap({12}, 4, 2, /*epoch=*/2, /*first_server=*/1));  // to servers 1 and 2
  EXPECT_EQ(client_->Wait(Push(0, 1)).status, absl::OkStatus());
  std::vector<float> weights(12);
  EXPECT_EQ(client_->Wait(client_->Pull({MakeTarget(0, &weights)})).status, absl::OkStatus());
  EXPECT_EQ(weights, std::vector<float>(12, -2));
  EXPECT_EQ(client_->shard_map()->epoch(), 2);
  EXPECT_EQ(cluster_->headers().back().sequence(), 2);
  EXPECT_EQ(client_->counters().maps, 1);
}

TEST_F(PsClientFaultTest, ANewerMapIsFetchedByHeartbeat) {
  StartAndJoin(MakeFakeMap({12}, 4, 2));
  cluster_->SetMap(MakeFakeMap({12}, 4, 2, /*epoch=*/5));
  WaitUntil([&] { return client_->shard_map()->epoch() == 5; });
}

TEST_F(PsClientFaultTest, AMapThatCutsTablesOtherwiseIsNotGoneBy) {
  StartAndJoin(MakeFakeMap({12}, 4, 1));
  cluster_->SetMap(MakeFakeMap({12}, 6, 1, /*epoch=*/2));
  const OperationHandle push = Push(0, 1, {.timeout = absl::Milliseconds(50)});
  EXPECT_EQ(client_->Wait(push).status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_NE(push->result().status.message().find("only move"), std::string::npos) << push->result().status;
}

TEST_F(PsClientFaultTest, AWorkerThatWasGivenUpIsToldAndCanJoinAgain) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  const uint64_t before = client_->incarnation();
  Push(0, 1);
  cluster_->GiveUp(0);
  EXPECT_EQ(client_->Wait(Push(0, 5)).status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(client_->Wait(Push(0, 5)).status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(client_->Rejoin().status(), absl::OkStatus());
  EXPECT_GT(client_->incarnation(), before);
  EXPECT_EQ(client_->Wait(Push(0, 1)).status, absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(8, -2));
  EXPECT_EQ(cluster_->headers().back().sequence(), 1);
}

TEST_F(PsClientFaultTest, AnIdleWorkerLearnsByHeartbeatThatItWasGivenUp) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  cluster_->GiveUp(0);
  WaitUntil([&] { return client_->status().code() == absl::StatusCode::kAborted; });
}

TEST_F(PsClientFaultTest, AWorkerThatWasReplacedStopsForGood) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  cluster_->Replace(0);
  EXPECT_EQ(client_->Wait(Push(0, 1)).status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(client_->Rejoin().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(cluster_->applied(), 0);
}

TEST_F(PsClientFaultTest, AnIdleWorkerLearnsByHeartbeatThatItWasReplaced) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  cluster_->Replace(0);
  WaitUntil([&] { return client_->status().code() == absl::StatusCode::kFailedPrecondition; });
}

TEST_F(PsClientFaultTest, AServerThatRestartedEmptyIsNoticedAndNothingIsTrainedAgainstIt) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  FakeFaults faults;
  faults.hold = true;
  cluster_->SetFaults(faults);
  const OperationHandle open = Push(0, 1);
  cluster_->Restart(1);
  const absl::Status status = client_->Wait(open).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("server/1"), std::string::npos) << status;
  EXPECT_EQ(client_->Wait(Push(0, 1)).status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(client_->Rejoin().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(cluster_->log().size(), 2);  // those before the restart
}

TEST_F(PsClientFaultTest, AServerThatRestartedAndHasTheJobAnewIsNotTrainedAgainstEither) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  cluster_->Restart(1, /*with_job=*/true);
  WaitUntil([&] { return !client_->status().ok(); });
  EXPECT_EQ(client_->Rejoin().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(client_->Wait(Push(0, 1)).status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(cluster_->applied(), 0);
}

TEST_F(PsClientFaultTest, ClosingEndsWhatIsOpen) {
  StartAndJoin(MakeFakeMap({8}, 4, 2));
  FakeFaults faults;
  faults.hold = true;
  cluster_->SetFaults(faults);
  const OperationHandle open = Push(0, 1);
  client_ = nullptr;
  EXPECT_EQ(open->Wait().status.code(), absl::StatusCode::kCancelled);
}

TEST_F(PsClientFaultTest, APushLargerThanTheWindowGoesAloneAndOthersKeepWithinIt) {
  StartAndJoin(MakeFakeMap({4, 4, 100}, 100, 1), /*bytes_in_flight_max=*/40);
  FakeFaults faults;
  cluster_->SetFaults(faults);
  for (int i = 0; i < 5; ++i) {
    for (TableIndex table = 0; table < 3; ++table) Push(table, 1);
  }
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(2), std::vector<float>(100, -5));
}

TEST_F(PsClientFaultTest, ManyThreadsAndManyCutsLoseAndDoubleNothing) {
  StartAndJoin(MakeFakeMap({64, 7}, 16, 2));
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::vector<float> weights(64);
      for (int i = 0; i < 100; ++i) {
        Push(t % 2, 1);
        if (i % 10 == 0) client_->Wait(client_->Pull({MakeTarget(0, &weights)}));
      }
    });
  }
  for (int i = 0; i < 30; ++i) {
    cluster_->Break(i % 2, absl::UnavailableError("cut"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(client_->Flush(), absl::OkStatus());
  EXPECT_EQ(cluster_->WeightsOf(0), std::vector<float>(64, -200));
  EXPECT_EQ(cluster_->WeightsOf(1), std::vector<float>(7, -100));
}

}  // namespace
}  // namespace downpour
