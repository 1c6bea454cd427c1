// How sessions begin and end.
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/service/session_fixture.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using testing::TestServer;
using testing::TestStream;

const std::vector<float> kOnes = {1, 1, 1, 1};

absl::Status EndAfter(TestServer* server, const std::function<void(TestStream*, SlicedClientMessage*)>& change) {
  TestStream stream(server);
  SlicedClientMessage message;
  *message.rest.mutable_hello() = stream.Hello(1, 1);
  change(&stream, &message);
  stream.Send(std::move(message));
  EXPECT_FALSE(stream.ReadOne().has_value());
  EXPECT_EQ(server->host.session_count(), 0);
  return stream.finished().value_or(absl::OkStatus());
}

TEST(SessionEndTest, AWrongHelloEndsTheStreamWithTheReason) {
  TestServer server;
  server.Join(1);
  using Message = SlicedClientMessage;
  const auto code = [&](auto&& change) {
    return EndAfter(&server, [&](TestStream*, Message* m) { change(m); }).code();
  };
  EXPECT_EQ(code([](Message* m) { m->rest.clear_hello(); }), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](Message* m) { m->rest.mutable_hello()->clear_job_fingerprint(); }),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code([](Message* m) { m->rest.mutable_hello()->set_job_fingerprint(std::string(32, 'x')); }),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code([](Message* m) { m->rest.mutable_hello()->set_worker(2); }), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code([](Message* m) { m->rest.mutable_hello()->set_incarnation(2); }),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code([](Message* m) { m->rest.mutable_hello()->set_incarnation(0); }), absl::StatusCode::kAborted);
  const absl::Status version = EndAfter(&server, [](TestStream*, Message* m) {
    m->rest.mutable_hello()->set_version(12);
    m->rest.mutable_hello()->set_version_min(11);
  });
  EXPECT_EQ(version.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(version.message()), HasSubstr("11 to 12"));
}

TEST(SessionEndTest, ASecondHelloEndsTheStream) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.SayHello(1, 1);
  EXPECT_EQ(stream.finished()->code(), absl::StatusCode::kInvalidArgument);
}

TEST(SessionEndTest, NothingIsAppliedAfterTheEnd) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.SayHello(1, 1);
  const uint64_t before = server.Hash(0);
  stream.Push(0, 1, kOnes);
  stream.Pull(1, {0});
  stream.SendLast();
  EXPECT_FALSE(stream.ReadOne().has_value());
  EXPECT_EQ(server.Hash(0), before);
}

TEST(SessionEndTest, ANewerStreamOfTheWorkerTakesThePlaceOfTheOlder) {
  TestServer server;
  const uint64_t incarnation = server.Join(1);
  TestStream older(&server);
  older.SayHello(1, incarnation);
  older.ReadAll();
  TestStream newer(&server);
  newer.SayHello(1, incarnation);
  EXPECT_TRUE(older.woken());
  EXPECT_TRUE(older.ReadAll().empty());
  ASSERT_TRUE(older.finished().has_value());
  EXPECT_EQ(older.finished()->code(), absl::StatusCode::kAborted);
  older.Cut();
  EXPECT_EQ(server.host.session_count(), 1) << "the older one's end is not the newer one's";
  newer.Push(0, 1, kOnes);
  EXPECT_EQ(newer.ReadFate(), "APPLIED 1");
}

TEST(SessionEndTest, OfTwoProcessesWithOneNumberTheLaterFencesTheEarlier) {
  TestServer server;
  const uint64_t earlier = server.Join(1);
  TestStream one(&server);
  one.SayHello(1, earlier);
  one.Push(0, 1, kOnes);
  const uint64_t later = server.Join(1);
  one.Push(0, 2, kOnes);
  const auto answers = one.ReadAcknowledgements();
  ASSERT_EQ(answers.size(), 2);
  EXPECT_EQ(answers[0].fate(), wire::Acknowledgement::APPLIED);
  EXPECT_EQ(answers[1].refusal().reason(), wire::Refusal::INCARNATION_STALE);
  TestStream two(&server);
  two.SayHello(1, later);
  one.ReadAll();
  EXPECT_EQ(one.finished()->code(), absl::StatusCode::kAborted);
  TestStream late(&server);
  late.SayHello(1, earlier);
  EXPECT_EQ(late.finished()->code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(two.finished().has_value());
}

TEST(SessionEndTest, AfterTheLastRequestTheStreamEndsOkWhenAllIsAnswered) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.Push(0, 1, kOnes);
  stream.Pull(1, {0});
  stream.SendLast();
  EXPECT_FALSE(stream.finished().has_value());
  EXPECT_EQ(stream.ReadAll().size(), 2);
  ASSERT_TRUE(stream.finished().has_value());
  EXPECT_TRUE(stream.finished()->ok());
}

TEST(SessionEndTest, AHeldPushAndAWaitingPullAreAnsweredBeforeTheEnd) {
  TestServer server({.policy = "sync {}"});
  const uint64_t first = server.Join(1);
  const uint64_t second = server.Join(2);
  TestStream stream(&server);
  stream.SayHello(1, first);
  stream.Push(0, 1, kOnes);
  stream.Pull(1, {0}, /*clock=*/1);
  stream.SendLast();
  stream.ReadAll();
  EXPECT_FALSE(stream.finished().has_value());
  server.Leave(2, second);
  stream.ReadAll();
  ASSERT_TRUE(stream.finished().has_value());
  EXPECT_TRUE(stream.finished()->ok());
}

TEST(SessionEndTest, ADrainAnswersWhatIsOpenAndEndsTheStream) {
  TestServer server({.tables = {1 << 20}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.Push(0, 1, std::vector<float>(1 << 20, 1));
  stream.Pull(1, {0});
  server.host.Drain();
  EXPECT_TRUE(stream.woken());
  stream.Push(0, 2, std::vector<float>(1 << 20, 1));  // too late: no answer, and not applied
  const auto messages = stream.ReadAll();
  EXPECT_EQ(messages.size(), 5);
  EXPECT_EQ(testing::WeightsIn(messages, 0).size(), 1 << 20);
  EXPECT_EQ(stream.finished()->code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(server.host.job()->shard(0)->counters().version, 1);
  EXPECT_EQ(server.Join(2), 0);
}

TEST(SessionEndTest, APeerThatDoesNotReadIsSentAway) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  int sent = 0;
  while (!stream.finished().has_value() && sent < 1000) {
    SlicedClientMessage message;
    for (int i = 0; i < 1000; ++i) {
      message.pieces.push_back(stream.Piece(stream.Header(77, 1, kOnes), kOnes));
    }
    stream.Send(std::move(message));
    ++sent;
  }
  ASSERT_TRUE(stream.finished().has_value());
  EXPECT_EQ(stream.finished()->code(), absl::StatusCode::kResourceExhausted);
}

TEST(SessionEndTest, AnAbsurdNumberOfPulledShardsEndsTheStream) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  for (int i = 0; i < 3 && !stream.finished().has_value(); ++i) stream.Pull(1, std::vector<uint32_t>(40000, 0));
  ASSERT_TRUE(stream.finished().has_value());
  EXPECT_EQ(stream.finished()->code(), absl::StatusCode::kResourceExhausted);
}

TEST(SessionEndTest, WorkersOnThreadsOfTheirOwnGetEveryAnswerOnce) {
  constexpr int kWorkers = 4;
  constexpr uint64_t kSteps = 50;
  TestServer server({.tables = {64, 64}, .policy = "sync {}"});
  std::vector<uint64_t> incarnations;
  for (int worker = 0; worker < kWorkers; ++worker) incarnations.push_back(server.Join(worker));
  std::vector<std::thread> threads;
  for (int worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      TestStream stream(&server);
      stream.SayHello(worker, incarnations[worker]);
      const std::vector<float> gradient(64, 1);
      for (uint64_t step = 1; step <= kSteps; ++step) {
        for (ShardId shard = 0; shard < 2; ++shard) stream.Push(shard, step, gradient);
        stream.Pull(step, {0, 1}, step);
        int applied = 0;
        int pulled = 0;
        while (applied < 2 || pulled < 2) {
          const auto message = stream.ReadOne();
          if (!message.has_value()) {
            std::this_thread::yield();
            continue;
          }
          for (const auto& answer : message->rest.acknowledgements()) {
            applied += answer.fate() == wire::Acknowledgement::APPLIED;
          }
          pulled += static_cast<int>(message->pieces.size());
        }
        EXPECT_EQ(applied, 2);
        EXPECT_EQ(pulled, 2);
      }
      server.Leave(worker, incarnations[worker]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server.WeightsOf(0), std::vector<float>(64, -static_cast<float>(kSteps)));
}

}  // namespace
}  // namespace downpour
