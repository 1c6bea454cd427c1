// What a session says to what it hears, through a link of the test's own.
#include "server/service/session.h"

#include <limits>
#include <numeric>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/service/session_fixture.h"

namespace downpour {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestServer;
using testing::TestStream;
using testing::WeightsIn;

const std::vector<float> kOnes = {1, 1, 1, 1};

std::vector<float> Ramp(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 1.0f);
  return values;
}

std::vector<float> Negated(std::vector<float> values) {
  for (float& value : values) value = -value;
  return values;
}

TEST(SessionTest, GreetsWithVersionIncarnationEpochAndTheWindow) {
  TestServer server({.tables = {1 << 20}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  const auto message = stream.ReadOne();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->rest.hello().version(), 1);
  EXPECT_EQ(message->rest.hello().server_incarnation(), 77);
  EXPECT_EQ(message->rest.hello().epoch(), 1);
  EXPECT_GE(message->rest.hello().bytes_in_flight_max(), uint64_t{5} << 20);
  EXPECT_FALSE(stream.ReadOne().has_value());
}

TEST(SessionTest, AppliesAPushOnceHoweverOftenItIsSent) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.Push(0, 1, kOnes);
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1");
  stream.Push(0, 1, kOnes);
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1 again");
  EXPECT_EQ(server.WeightsOf(0), Negated(kOnes));
}

TEST(SessionTest, PutsAPushTogetherFromPiecesThatCutElementsAndAlternateWithOthers) {
  TestServer server({.tables = {1000, 1000}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  const std::vector<float> gradient = Ramp(1000);
  const wire::PushPiece one = stream.Header(0, 1, gradient);
  const wire::PushPiece two = stream.Header(1, 1, gradient);
  for (uint64_t offset = 0; offset < 4000; offset += 333) {
    const uint64_t bytes = std::min<uint64_t>(333, 4000 - offset);
    EXPECT_TRUE(stream.ReadAcknowledgements().empty());
    stream.Send(stream.Piece(one, gradient, offset, bytes));
    stream.Send(stream.Piece(two, gradient, offset, bytes));
  }
  EXPECT_EQ(stream.ReadAcknowledgements().size(), 2);
  EXPECT_EQ(server.WeightsOf(0), Negated(gradient));
  EXPECT_EQ(server.WeightsOf(1), Negated(gradient));
  EXPECT_EQ(server.host.job()->receive_budget()->taken(), 0);
}

TEST(SessionTest, APieceWithOffsetZeroBeginsAnew) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  const std::vector<float> wrong = {9, 9, 9, 9};
  stream.Send(stream.Piece(stream.Header(0, 1, wrong), wrong, 0, 10));
  stream.Push(0, 1, kOnes, 8);
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1");
  EXPECT_EQ(server.WeightsOf(0), Negated(kOnes));
}

TEST(SessionTest, PiecesThatDoNotFitTogetherRefuseTheirPushOnceAndChangeNothing) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.ReadAll();
  const uint64_t before = server.Hash(0);
  const wire::PushPiece header = stream.Header(0, 1, kOnes);
  const auto refused = [&](const wire::PushPiece& second, uint64_t offset) {
    stream.Send(stream.Piece(header, kOnes, 0, 4));
    stream.Send(stream.Piece(second, kOnes, offset, 4));
    stream.Send(stream.Piece(header, kOnes, 8, 4));
    stream.Send(stream.Piece(header, kOnes, 12, 4));
    const auto answers = stream.ReadAcknowledgements();
    EXPECT_EQ(answers.size(), 1);
    for (const auto& answer : answers) EXPECT_EQ(answer.refusal().reason(), wire::Refusal::BYTE_COUNT);
    EXPECT_EQ(server.host.job()->receive_budget()->taken(), 0);
  };
  refused(header, 8);      // a gap
  refused(header, 0 + 2);  // an overlap
  wire::PushPiece other = header;
  other.set_clock(99);
  refused(other, 4);
  other = header;
  other.set_table_gradient_norm(1);
  refused(other, 4);
  EXPECT_EQ(server.Hash(0), before);
  stream.Push(0, 1, kOnes, 4);
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1");
}

TEST(SessionTest, APushThatDoesNotBeginAtItsBeginningIsRefused) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.Send(stream.Piece(stream.Header(0, 1, kOnes), kOnes, 4));
  EXPECT_EQ(stream.ReadFate(), "REFUSED BYTE_COUNT");
}

TEST(SessionTest, RefusesWhatMakesNoSenseAndTheStreamGoesOn) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  const uint64_t before = server.Hash(0);
  uint64_t sequence = 1;
  const auto fate = [&](auto&& change) {
    SlicedPushPiece piece = stream.Piece(stream.Header(0, ++sequence, kOnes), kOnes);
    change(&piece);
    stream.Send(std::move(piece));
    return stream.ReadFate();
  };
  using Piece = SlicedPushPiece;
  EXPECT_EQ(fate([](Piece* p) { p->header.set_shard(7); }), "REFUSED UNKNOWN_SHARD");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_worker(2); }), "REFUSED NOT_OF_THIS_STREAM");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_incarnation(2); }), "REFUSED NOT_OF_THIS_STREAM");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_dtype(INT64); }), "REFUSED DTYPE");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_dtype(static_cast<DataType>(99)); }), "REFUSED DTYPE");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_total_bytes(1); }), "REFUSED BYTE_COUNT");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_offset(std::numeric_limits<uint64_t>::max()); }), "REFUSED BYTE_COUNT");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_epoch(9); }), "REFUSED EPOCH_FUTURE");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_sequence(0); }), "REFUSED SEQUENCE_ZERO");
  EXPECT_EQ(fate([](Piece* p) { p->header.set_version_pulled(5); }), "REFUSED VERSION_FUTURE");
  EXPECT_EQ(fate([](Piece* p) {
              p->header.set_element_count(3);
              p->header.set_total_bytes(12);
              p->payload[0].remove_suffix(4);
            }),
            "REFUSED ELEMENT_COUNT");
  EXPECT_EQ(fate([](Piece* p) {
              p->header.set_element_count(uint64_t{1} << 61);
              p->header.set_total_bytes(uint64_t{1} << 63);
            }),
            "REFUSED ELEMENT_COUNT");
  const std::vector<float> poisoned = {1, std::numeric_limits<float>::quiet_NaN(), 1, 1};
  stream.Push(0, 1, poisoned);
  EXPECT_EQ(stream.ReadFate(), "REFUSED NOT_FINITE");
  EXPECT_EQ(server.Hash(0), before);
  stream.Push(0, 1, kOnes);
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1");
  EXPECT_FALSE(stream.finished().has_value());
}

TEST(SessionTest, PullsWhatWasPushedJustBefore) {
  TestServer server({.tables = {4, 4}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.Push(1, 1, kOnes);
  stream.Pull(5, {1, 0});
  const auto messages = stream.ReadAll();
  EXPECT_EQ(WeightsIn(messages, 1), Negated(kOnes));
  EXPECT_EQ(WeightsIn(messages, 0), std::vector<float>(4));
  const SlicedServerMessage& last = messages.back();
  ASSERT_EQ(last.pieces.size(), 2) << "small answers share a message";
  EXPECT_EQ(last.pieces[0].header.shard(), 1) << "in the order of the request";
  EXPECT_EQ(last.pieces[0].header.ticket(), 5);
  EXPECT_EQ(last.pieces[0].header.version(), 1);
}

TEST(SessionTest, CutsLargeWeightsIntoPiecesThatReferToTheBlocks) {
  TestServer server({.tables = {(1 << 20) + 4}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.ReadAll();
  stream.Push(0, 1, Ramp(1 << 20));
  stream.ReadAll();
  stream.Pull(1, {0, 1});
  const auto messages = stream.ReadAll();
  ASSERT_EQ(messages.size(), 5);
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(messages[i].pieces.size(), 1);
    EXPECT_EQ(ByteCount(messages[i].pieces[0].payload), kPieceBytes);
  }
  EXPECT_EQ(WeightsIn(messages, 0), Negated(Ramp(1 << 20)));
  const Snapshot now = server.host.job()->shard(0)->Read(false)->values;
  EXPECT_EQ(reinterpret_cast<const float*>(messages[0].pieces[0].payload[0].data()), now.block(0).data());
  // What has been cut does not change any more.
  stream.Push(0, 2, Ramp(1 << 20));
  EXPECT_EQ(WeightsIn(messages, 0), Negated(Ramp(1 << 20)));
}

TEST(SessionTest, AsksForWeightsOnlyWhenThereIsRoomToSendThem) {
  TestServer server({.tables = {1 << 20, 1 << 20}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.ReadAll();
  stream.Pull(1, {0, 1});
  const auto first = stream.ReadOne();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(server.host.job()->shard(1)->counters().pulls_answered, 0);
}

TEST(SessionTest, AnswersOvertakeWeights) {
  TestServer server({.tables = {1 << 20, 4}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.ReadAll();
  stream.Pull(1, {0});
  ASSERT_EQ(stream.ReadOne()->pieces.size(), 1);
  stream.Push(1, 1, kOnes);
  const auto next = stream.ReadOne();
  EXPECT_EQ(next->rest.acknowledgements_size(), 1);
  EXPECT_TRUE(next->pieces.empty());
  EXPECT_EQ(stream.ReadAll().size(), 3);
}

TEST(SessionTest, AcknowledgementsShareAMessage) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  for (uint64_t sequence = 1; sequence <= 40; ++sequence) stream.Push(0, sequence, kOnes);
  const auto messages = stream.ReadAll();
  ASSERT_EQ(messages.size(), 1);
  EXPECT_EQ(messages[0].rest.acknowledgements_size(), 40);
}

TEST(SessionTest, RefusesPullsOneByOne) {
  TestServer server;
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.ReadAll();
  SlicedClientMessage message;
  wire::PullRequest& pull = *message.rest.add_pulls();
  pull.set_ticket(8);
  pull.set_epoch(1);
  pull.set_worker(1);
  pull.set_incarnation(1);
  pull.set_want_average(true);
  pull.add_shards(0);
  pull.add_shards(12);
  wire::PullRequest& foreign = *message.rest.add_pulls();
  foreign = pull;
  foreign.set_worker(2);
  stream.Send(std::move(message));
  std::vector<wire::Refusal::Reason> reasons;
  for (const SlicedServerMessage& answer : stream.ReadAll()) {
    for (const wire::PullRefusal& refusal : answer.rest.pull_refusals()) {
      EXPECT_EQ(refusal.ticket(), 8);
      reasons.push_back(refusal.refusal().reason());
    }
  }
  EXPECT_THAT(reasons, ElementsAre(wire::Refusal::NOT_OF_THIS_STREAM, wire::Refusal::NOT_OF_THIS_STREAM,
                                   wire::Refusal::NO_AVERAGE, wire::Refusal::UNKNOWN_SHARD));
}

TEST(SessionTest, TellsTheOtherWorkersWhatCameDue) {
  TestServer server({.tables = {4}, .policy = "sync {}"});
  const uint64_t first = server.Join(1);
  const uint64_t second = server.Join(2);
  TestStream one(&server);
  one.SayHello(1, first);
  TestStream two(&server);
  two.SayHello(2, second);
  one.ReadAll();
  one.Push(0, 1, kOnes);
  EXPECT_EQ(one.ReadFate(), "HELD 0");
  one.Pull(3, {0}, /*clock=*/1);
  EXPECT_TRUE(one.ReadAll().empty());
  EXPECT_FALSE(one.woken());

  two.Push(0, 1, {3, 3, 3, 3});
  EXPECT_EQ(two.ReadFate(), "APPLIED 1");
  EXPECT_TRUE(one.woken());
  const auto messages = one.ReadAll();
  ASSERT_EQ(messages.size(), 2);
  EXPECT_EQ(messages[0].rest.acknowledgements(0).fate(), wire::Acknowledgement::APPLIED);
  EXPECT_EQ(WeightsIn(messages, 0), std::vector<float>(4, -2));
}

TEST(SessionTest, APullThatWaitedForALargeShardIsAnsweredWithTheNewestWeights) {
  TestServer server({.tables = {1 << 20, 1 << 20, 1 << 20}, .policy = "bounded_staleness { bound: 0 }"});
  const uint64_t first = server.Join(1);
  const uint64_t second = server.Join(2);
  TestStream one(&server);
  one.SayHello(1, first);
  TestStream two(&server);
  two.SayHello(2, second);
  one.ReadAll();
  const std::vector<float> ones(1 << 20, 1);
  for (ShardId shard = 0; shard < 3; ++shard) one.Push(shard, 1, ones);
  one.ReadAll();
  one.Pull(3, {0, 1, 2}, /*clock=*/1);
  EXPECT_TRUE(one.ReadAll().empty());
  for (ShardId shard = 0; shard < 3; ++shard) two.Push(shard, 1, ones);
  EXPECT_TRUE(one.woken());
  const auto messages = one.ReadAll();
  EXPECT_EQ(messages.size(), 12);
  for (ShardId shard = 0; shard < 3; ++shard) EXPECT_THAT(WeightsIn(messages, shard), Each(-2.0f));
}

TEST(SessionTest, AHeldPushKeepsItsBytesThoughTheMessageIsGone) {
  TestServer server({.tables = {4}, .policy = "sync {}"});
  const uint64_t first = server.Join(1);
  const uint64_t second = server.Join(2);
  TestStream one(&server);
  one.SayHello(1, first);
  std::weak_ptr<const void> bytes;
  {
    SlicedPushPiece piece = one.Piece(one.Header(0, 1, kOnes), kOnes);
    bytes = piece.owner;
    one.Send(std::move(piece));
  }
  EXPECT_TRUE(bytes.expired()) << "small pushes are copied, so that they do not keep their message";
  EXPECT_EQ(server.host.job()->receive_budget()->taken(), 16);
  TestStream two(&server);
  two.SayHello(2, second);
  two.Push(0, 1, kOnes);
  EXPECT_EQ(server.WeightsOf(0), Negated(kOnes));
  EXPECT_EQ(server.host.job()->receive_budget()->taken(), 0);
}

TEST(SessionTest, LargePiecesStayWhereTheyAreUnlessTheCarrierNeedsTheRoom) {
  for (const bool may_stay : {true, false}) {
    TestServer server({.tables = {1 << 20}, .policy = "sync {}"});
    const uint64_t first = server.Join(1);
    server.Join(2);
    ExchangeLimits limits;
    limits.received_may_stay = may_stay;
    TestStream stream(&server, limits);
    stream.SayHello(1, first);
    const std::vector<float> gradient(1 << 20, 1);
    SlicedPushPiece piece = stream.Piece(stream.Header(0, 1, gradient), gradient);
    const std::weak_ptr<const void> bytes = piece.owner;
    stream.Send(std::move(piece));
    EXPECT_EQ(bytes.expired(), !may_stay);
    EXPECT_EQ(stream.ReadFate(), "HELD 0");
  }
}

TEST(SessionTest, MoreThanTheServerMayKeepIsRefusedAsBusy) {
  // 4 MiB of tables with a quarter more for copies; half of the other 10 MiB is for what is received.
  TestServer server({.tables = {1 << 20}, .policy = "sync {}"}, {.memory_max = size_t{15} << 20});
  const uint64_t first = server.Join(1);
  const uint64_t second = server.Join(2);
  const uint64_t third = server.Join(3);
  const std::vector<float> gradient(1 << 20, 1);
  TestStream one(&server);
  one.SayHello(1, first);
  one.Push(0, 1, gradient);
  EXPECT_EQ(one.ReadFate(), "HELD 0");
  TestStream two(&server);
  two.SayHello(2, second);
  two.Push(0, 1, gradient);
  const auto answers = two.ReadAcknowledgements();
  ASSERT_EQ(answers.size(), 1) << "one refusal, not one for each piece";
  EXPECT_EQ(answers[0].refusal().reason(), wire::Refusal::SERVER_BUSY);
  server.Leave(3, third);
  server.Leave(2, second);
  EXPECT_EQ(one.ReadFate(), "APPLIED 1");
  EXPECT_EQ(server.host.job()->receive_budget()->taken(), 0);
}

TEST(SessionTest, MoreThanTheWindowOfUnfinishedPushesIsRefusedAsBusy) {
  TestServer server({.tables = {1 << 20, 1 << 20}});
  TestStream stream(&server);
  stream.SayHello(1, server.Join(1));
  stream.ReadAll();
  const std::vector<float> gradient(1 << 20, 1);
  for (ShardId shard = 0; shard < 2; ++shard) {
    const wire::PushPiece header = stream.Header(shard, 1, gradient);
    for (uint64_t offset = 0; offset < (3 << 20); offset += 1 << 20) {
      stream.Send(stream.Piece(header, gradient, offset, 1 << 20));
    }
    if (shard == 0) stream.Send(stream.Piece(header, gradient, 3 << 20, (1 << 20) - 1));
  }
  EXPECT_EQ(stream.ReadFate(), "REFUSED SERVER_BUSY");
}

TEST(SessionTest, ACutStreamLeavesNothingBehind) {
  TestServer server({.tables = {1 << 20}});
  const uint64_t incarnation = server.Join(1);
  const uint64_t before = server.Hash(0);
  const std::vector<float> gradient(1 << 20, 1);
  {
    TestStream stream(&server);
    stream.SayHello(1, incarnation);
    stream.Send(stream.Piece(stream.Header(0, 1, gradient), gradient, 0, 1 << 20));
    EXPECT_EQ(server.host.job()->receive_budget()->taken(), 1 << 20);
    EXPECT_EQ(server.host.session_count(), 1);
  }
  EXPECT_EQ(server.host.job()->receive_budget()->taken(), 0);
  EXPECT_EQ(server.host.session_count(), 0);
  EXPECT_EQ(server.Hash(0), before);
  TestStream again(&server);
  again.SayHello(1, incarnation);
  again.Push(0, 1, gradient);
  EXPECT_EQ(again.ReadFate(), "APPLIED 1");
}

}  // namespace
}  // namespace downpour
