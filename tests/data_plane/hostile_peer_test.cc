// Peers that are broken or mean: bytes that are no HTTP/2, no message, or lies. A server process refuses what they say,
// and serves on; what good workers pushed stays as it was.
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "cli/transport/socket.h"
#include "common/rpc/limits.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/control.grpc.pb.h"
#include "proto/data_plane.grpc.pb.h"
#include "tests/data_plane/fault_world.h"

namespace downpour {
namespace {

constexpr uint32_t kEvil = 66;      // the hostile worker's number
constexpr ShardId kSmallShard = 4;  // after one shard of the medium table and three of the large
constexpr uint64_t kSmallElements = 1000;

// Of the server with --memory_max=256MiB. The address sanitizer keeps what was freed for a while.
#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kPeakBytesMax = size_t{640} << 20;
#else
constexpr size_t kPeakBytesMax = size_t{320} << 20;
#endif

class HostilePeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = FaultServer::Start({"--memory_max=256MiB"});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    LedgerClient::Options options;
    options.address = server_->address();
    auto good = LedgerClient::Join(options, &ledger_);
    ASSERT_TRUE(good.ok()) << good.status();
    good_ = *std::move(good);
    ASSERT_TRUE(good_->Push(kSmallTable));
    ASSERT_EQ(good_->SettleAll(), absl::OkStatus());
    channel_ = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  }

  void TearDown() override {
    EXPECT_TRUE(server_->process().running());
    ASSERT_TRUE(good_->Push(kSmallTable));
    ASSERT_TRUE(good_->Push(kLargeTable));
    EXPECT_EQ(good_->SettleAll(), absl::OkStatus());
    EXPECT_EQ(AuditServer(server_->address(), ledger_), absl::OkStatus());
    EXPECT_EQ(ledger_.counts().unknown, 0u);
  }

  // Joins as the hostile worker; its incarnation.
  uint64_t JoinEvil() {
    grpc::ClientContext context;
    wire::JoinRequest request;
    request.mutable_versions()->set_version(kProtocolVersion);
    request.mutable_versions()->set_version_min(kProtocolVersionMin);
    request.set_job_fingerprint(FaultJob().job_fingerprint());
    request.set_worker(kEvil);
    wire::JoinResponse response;
    const grpc::Status status = wire::Control::NewStub(channel_)->Join(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.incarnation();
  }

  wire::ClientMessage Hello(uint64_t incarnation) {
    wire::ClientMessage message;
    wire::ClientHello& hello = *message.mutable_hello();
    hello.set_version(kProtocolVersion);
    hello.set_version_min(kProtocolVersionMin);
    hello.set_job_fingerprint(FaultJob().job_fingerprint());
    hello.set_worker(kEvil);
    hello.set_incarnation(incarnation);
    return message;
  }

  // Adds a good push of zeros to the small table's only shard, to be made bad.
  static wire::PushPiece* AddPush(wire::ClientMessage* message, uint64_t incarnation, uint64_t sequence) {
    wire::PushPiece& push = *message->add_pushes();
    push.set_shard(kSmallShard);
    push.set_epoch(1);
    push.set_worker(kEvil);
    push.set_incarnation(incarnation);
    push.set_sequence(sequence);
    push.set_clock(sequence);
    push.set_dtype(FLOAT32);
    push.set_element_count(kSmallElements);
    push.set_total_bytes(kSmallElements * sizeof(float));
    push.set_payload(std::string(kSmallElements * sizeof(float), '\0'));
    return &push;
  }

  // Sends the messages on a stream by plain protobuf; all answers, and how the stream ended.
  grpc::Status Exchange(const std::vector<wire::ClientMessage>& messages, std::vector<wire::Acknowledgement>* answers) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    const auto stream = wire::DataPlane::NewStub(channel_)->Exchange(&context);
    for (const wire::ClientMessage& message : messages) stream->Write(message);
    stream->WritesDone();
    wire::ServerMessage answer;
    while (stream->Read(&answer)) {
      answers->insert(answers->end(), answer.acknowledgements().begin(), answer.acknowledgements().end());
    }
    return stream->Finish();
  }

  // Sends raw messages on a stream; how it ended.
  grpc::Status ExchangeBytes(const std::vector<grpc::ByteBuffer>& messages) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    grpc::ChannelArguments arguments;
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    grpc::GenericStub stub(
        grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), arguments));
    grpc::CompletionQueue queue;
    const auto stream = stub.PrepareCall(&context, "/downpour.wire.DataPlane/Exchange", &queue);
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    stream->StartCall(nullptr);
    bool ok = next();
    for (const grpc::ByteBuffer& message : messages) {
      if (!ok) break;
      stream->Write(message, nullptr);
      ok = next();
    }
    // The status comes after the last message.
    grpc::ByteBuffer answer;
    do {
      stream->Read(&answer, nullptr);
    } while (next());
    grpc::Status status;
    stream->Finish(&status, nullptr);
    next();
    queue.Shutdown();
    return status;
  }

  static grpc::ByteBuffer Bytes(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    return grpc::ByteBuffer(&slice, 1);
  }

  Ledger ledger_{*ShardMap::FromProto(FaultJob().shard_map())};
  std::unique_ptr<FaultServer> server_;
  std::unique_ptr<LedgerClient> good_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(HostilePeerTest, GarbageInsteadOfHttp2EndsTheConnection) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  std::string noise(1 << 16, '\0');
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i * 31 >> 3);
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100'000, '\0'), noise,
                                   preface + noise, preface.substr(0, 9), std::string()}) {
    const auto socket = ConnectTcp(server_->address());
    ASSERT_TRUE(socket.ok()) << socket.status();
    socket->Send(bytes.data(), bytes.size()).IgnoreError();  // it may have hung up already
  }
}

TEST_F(HostilePeerTest, LiesAboutAPushAreRefusedEachWithItsReason) {
  const uint64_t incarnation = JoinEvil();
  wire::ClientMessage message = Hello(incarnation);
  using Lie = void (*)(wire::PushPiece*);
  const std::vector<std::pair<Lie, wire::Refusal::Reason>> lies = {
      {[](wire::PushPiece* push) { push->set_total_bytes(uint64_t{1} << 40); }, wire::Refusal::BYTE_COUNT},
      {[](wire::PushPiece* push) { push->set_payload(std::string(4096, 'x')); }, wire::Refusal::BYTE_COUNT},
      {[](wire::PushPiece* push) { push->set_offset(~uint64_t{0} - 8); }, wire::Refusal::BYTE_COUNT},
      {[](wire::PushPiece* push) { push->set_element_count(~uint64_t{0} / 4 + 2); }, wire::Refusal::BYTE_COUNT},
      {[](wire::PushPiece* push) {
         push->set_element_count(10);
         push->set_total_bytes(40);
         push->set_payload(std::string(40, '\0'));
       },
       wire::Refusal::ELEMENT_COUNT},
      {[](wire::PushPiece* push) { push->set_payload(std::string(4000, '\xff')); }, wire::Refusal::NOT_FINITE},
      {[](wire::PushPiece* push) { push->set_epoch(0); }, wire::Refusal::EPOCH_STALE},
      {[](wire::PushPiece* push) { push->set_epoch(9); }, wire::Refusal::EPOCH_FUTURE},
      {[](wire::PushPiece* push) { push->set_worker(0); }, wire::Refusal::NOT_OF_THIS_STREAM},
      {[](wire::PushPiece* push) { push->set_shard(12345); }, wire::Refusal::UNKNOWN_SHARD},
      {[](wire::PushPiece* push) { push->set_version_pulled(1'000'000); }, wire::Refusal::VERSION_FUTURE},
      {[](wire::PushPiece* push) { push->set_sequence(0); }, wire::Refusal::SEQUENCE_ZERO},
      {[](wire::PushPiece* push) { push->set_sequence(100'000); }, wire::Refusal::SEQUENCE_AHEAD},
  };
  std::vector<wire::ClientMessage> messages = {message};
  // Each under a number of its own: of a push that was refused, further pieces are not worth an answer.
  for (const auto& [lie, reason] : lies) lie(AddPush(&messages.emplace_back(), incarnation, messages.size()));
  std::vector<wire::Acknowledgement> answers;
  const grpc::Status status = Exchange(messages, &answers);
  EXPECT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(answers.size(), lies.size());
  for (size_t i = 0; i < lies.size(); ++i) {
    EXPECT_EQ(answers[i].fate(), wire::Acknowledgement::REFUSED) << i;
    EXPECT_EQ(answers[i].refusal().reason(), lies[i].second) << i << ": " << answers[i].refusal().message();
    EXPECT_FALSE(answers[i].refusal().message().empty()) << i;
  }
}

TEST_F(HostilePeerTest, BytesThatAreNoMessageEndTheStream) {
  const std::string hello = Hello(JoinEvil()).SerializeAsString();
  for (const std::string& garbage :
       {std::string(1000, '\xff'), std::string("\x7a\x7f", 2), std::string("\x0b\x0b\x0b", 3)}) {
    EXPECT_EQ(ExchangeBytes({Bytes(hello), Bytes(garbage)}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ExchangeBytes({Bytes(garbage)}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(HostilePeerTest, MessagesOfAGibibyteAreRefusedBeforeTheyAreThereWhole) {
  const grpc::Slice megabyte(std::string(1 << 20, 'x'));
  const std::vector<grpc::Slice> slices(1024, megabyte);
  const grpc::ByteBuffer gibibyte(slices.data(), slices.size());
  const std::string hello = Hello(JoinEvil()).SerializeAsString();
  std::vector<std::thread> peers;
  for (int i = 0; i < 3; ++i) {
    peers.emplace_back([&] { EXPECT_FALSE(ExchangeBytes({Bytes(hello), gibibyte}).ok()); });
  }
  for (std::thread& peer : peers) peer.join();
  // gRPC 1.51 looks at the limit of a message only when it has all of it: what ends these is the limit of everything.
  EXPECT_LT(server_->process().PeakBytes(), kPeakBytesMax);
}

TEST_F(HostilePeerTest, AMessageBeyondTheLimitIsRefused) {
  const grpc::Slice slice(std::string(kMessageBytesMax + 1, 'x'));
  const std::string hello = Hello(JoinEvil()).SerializeAsString();
  EXPECT_EQ(ExchangeBytes({Bytes(hello), grpc::ByteBuffer(&slice, 1)}).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(HostilePeerTest, PushesThatAreNeverFinishedDoNotPileUp) {
  // Of the large table's first shard, all but the last byte, under ever new numbers and on ever new streams.
  for (int stream = 0; stream < 6; ++stream) {
    const uint64_t incarnation = JoinEvil();
    std::vector<wire::ClientMessage> messages = {Hello(incarnation)};
    for (uint64_t sequence = 1; sequence <= 15; ++sequence) {
      for (uint64_t offset = 0; offset < 4; ++offset) {
        wire::PushPiece& push = *AddPush(&messages.emplace_back(), incarnation, sequence);
        push.set_shard(1);
        push.set_element_count(1 << 20);
        push.set_total_bytes(4 << 20);
        push.set_offset(offset << 20);
        push.set_payload(std::string((1 << 20) - (offset == 3 ? 1 : 0), '\0'));
      }
    }
    std::vector<wire::Acknowledgement> answers;
    Exchange(messages, &answers);
    for (const wire::Acknowledgement& answer : answers) EXPECT_EQ(answer.fate(), wire::Acknowledgement::REFUSED);
  }
  EXPECT_LT(server_->process().PeakBytes(), kPeakBytesMax);
}

}  // namespace
}  // namespace downpour
