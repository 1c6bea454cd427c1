// A worker as any other project would write it in C++: classes that protoc generated, gRPC's own stub, and nothing of
// ours but the .proto files. What such a client sends and understands is what the server means.
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/text_format.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/control.grpc.pb.h"
#include "proto/data_plane.grpc.pb.h"
#include "tests/security/server_process.h"

namespace downpour {
namespace {

using wire::Acknowledgement;
using wire::Refusal;

constexpr uint32_t kBig = 0, kSmall = 1;
constexpr size_t kBigElements = 600'000;
constexpr size_t kPieceBytes = 1 << 20;

const std::string kFingerprint(32, 'g');

wire::CreateJobRequest MakeJob(const std::string& policy) {
  wire::CreateJobRequest job;
  job.mutable_versions()->set_version(1);
  job.mutable_versions()->set_version_min(1);
  job.set_job_fingerprint(kFingerprint);
  const auto parse = [](const std::string& text, google::protobuf::Message* message) {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, message)) << text;
  };
  parse(R"(epoch: 1 servers: 0
           tables { name: "big" dimensions: 600000 } tables { name: "small" dimensions: 4 }
           shards { table: "big" element_count: 600000 } shards { table: "small" element_count: 4 })",
        job.mutable_shard_map());
  parse("sgd { learning_rate: 1 }", job.mutable_optimizer());
  parse(policy, job.mutable_policy());
  return job;
}

std::string ToBytes(const std::vector<float>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

std::vector<float> ToFloats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<float> Negated(std::vector<float> values) {
  for (float& value : values) value = -value;
  return values;
}

// A worker that has joined, with its stream.
class Worker {
 public:
  Worker(int port, uint32_t worker, const std::string& policy = "async {}")
      : worker_(worker),
        channel_(grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials())),
        control_(wire::Control::NewStub(channel_)),
        data_(wire::DataPlane::NewStub(channel_)) {
    grpc::ClientContext create_context, join_context;
    wire::CreateJobResponse created;
    EXPECT_TRUE(control_->CreateJob(&create_context, MakeJob(policy), &created).ok());
    wire::JoinRequest join;
    join.mutable_versions()->set_version(1);
    join.mutable_versions()->set_version_min(1);
    join.set_job_fingerprint(kFingerprint);
    join.set_worker(worker);
    EXPECT_TRUE(control_->Join(&join_context, join, &joined_).ok());
    Open();
  }

  // A new stream, in the place of the one before it.
  void Open() {
    stream_ = nullptr;
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    stream_ = data_->Exchange(context_.get());
    wire::ClientMessage message;
    message.mutable_hello()->set_version(1);
    message.mutable_hello()->set_version_min(1);
    message.mutable_hello()->set_job_fingerprint(kFingerprint);
    message.mutable_hello()->set_worker(worker_);
    message.mutable_hello()->set_incarnation(joined_.incarnation());
    Send(message);
    wire::ServerMessage answer;
    EXPECT_TRUE(stream_->Read(&answer));
    EXPECT_EQ(answer.hello().version(), 1);
    EXPECT_EQ(answer.hello().server_incarnation(), joined_.server_incarnation());
    EXPECT_GE(answer.hello().bytes_in_flight_max(), kBigElements * sizeof(float));
  }

  void Send(const wire::ClientMessage& message) { EXPECT_TRUE(stream_->Write(message)); }

  void AddPiece(wire::ClientMessage* message, uint32_t shard, uint64_t sequence, const std::vector<float>& gradient,
                size_t offset = 0) {
    wire::PushPiece& piece = *message->add_pushes();
    piece.set_shard(shard);
    piece.set_epoch(joined_.shard_map().epoch());
    piece.set_worker(worker_);
    piece.set_incarnation(joined_.incarnation());
    piece.set_sequence(sequence);
    piece.set_clock(sequence);
    piece.set_dtype(FLOAT32);
    piece.set_element_count(gradient.size());
    piece.set_total_bytes(gradient.size() * sizeof(float));
    piece.set_offset(offset);
    piece.set_payload(ToBytes(gradient).substr(offset, kPieceBytes));
  }

  void Push(uint32_t shard, uint64_t sequence, const std::vector<float>& gradient) {
    for (size_t offset = 0; offset < gradient.size() * sizeof(float); offset += kPieceBytes) {
      wire::ClientMessage message;
      AddPiece(&message, shard, sequence, gradient, offset);
      Send(message);
    }
  }

  void Pull(uint64_t ticket, uint32_t shard, uint64_t clock) {
    wire::ClientMessage message;
    wire::PullRequest& pull = *message.add_pulls();
    pull.set_ticket(ticket);
    pull.set_epoch(joined_.shard_map().epoch());
    pull.set_worker(worker_);
    pull.set_incarnation(joined_.incarnation());
    pull.set_clock(clock);
    pull.add_shards(shard);
    Send(message);
  }

  Acknowledgement NextAcknowledgement() {
    while (acknowledgements_.empty() && Read()) {
    }
    if (acknowledgements_.empty()) return Acknowledgement();
    Acknowledgement first = acknowledgements_.front();
    acknowledgements_.erase(acknowledgements_.begin());
    return first;
  }

  // The next whole answer to a pull.
  std::vector<float> NextWeights(uint64_t ticket) {
    std::string bytes;
    do {
      for (; !weights_.empty(); weights_.erase(weights_.begin())) {
        const wire::WeightsPiece& piece = weights_.front();
        EXPECT_EQ(piece.ticket(), ticket);
        EXPECT_EQ(piece.offset(), bytes.size());
        bytes += piece.payload();
        if (bytes.size() < piece.total_bytes()) continue;
        weights_.erase(weights_.begin());
        return ToFloats(bytes);
      }
    } while (Read());
    return {};
  }

  grpc::Status End() {
    stream_->WritesDone();
    while (Read()) {
    }
    return stream_->Finish();
  }

  const wire::JoinResponse& joined() const { return joined_; }

 private:
  bool Read() {
    wire::ServerMessage message;
    if (!stream_->Read(&message)) return false;
    acknowledgements_.insert(acknowledgements_.end(), message.acknowledgements().begin(),
                             message.acknowledgements().end());
    weights_.insert(weights_.end(), message.weights().begin(), message.weights().end());
    return true;
  }

  const uint32_t worker_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<wire::Control::Stub> control_;
  const std::unique_ptr<wire::DataPlane::Stub> data_;
  wire::JoinResponse joined_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<wire::ClientMessage, wire::ServerMessage>> stream_;
  std::vector<Acknowledgement> acknowledgements_;
  std::vector<wire::WeightsPiece> weights_;
};

class GeneratedClientTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(server_.port(), 0) << server_.complaint(); }

  const testing::ServerProcess server_{{"--listen=127.0.0.1:0"}};
};

TEST_F(GeneratedClientTest, PushesAndPullsTensorsOfOneAndOfManyPieces) {
  Worker worker(server_.port(), 3);
  EXPECT_EQ(worker.joined().shard_map().shards_size(), 2);
  std::vector<float> big(kBigElements);
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<float>(i % 1000) / 8;
  worker.Push(kSmall, 1, {1, 2, 3, 4});
  worker.Push(kBig, 1, big);
  for (const uint32_t shard : {kSmall, kBig}) {
    const Acknowledgement answer = worker.NextAcknowledgement();
    EXPECT_EQ(answer.shard(), shard);
    EXPECT_EQ(answer.fate(), Acknowledgement::APPLIED) << answer.refusal().message();
    EXPECT_EQ(answer.version(), 1);
  }
  worker.Pull(7, kBig, 1);
  EXPECT_EQ(worker.NextWeights(7), Negated(big));
  worker.Pull(8, kSmall, 1);
  EXPECT_EQ(worker.NextWeights(8), (std::vector<float>{-1, -2, -3, -4}));
  EXPECT_TRUE(worker.End().ok());
}

TEST_F(GeneratedClientTest, PutsManyPushesIntoOneMessageAndHearsOfEach) {
  Worker worker(server_.port(), 3);
  constexpr uint64_t kPushes = 60;
  wire::ClientMessage message;
  for (uint64_t sequence = 1; sequence <= kPushes; ++sequence)
    worker.AddPiece(&message, kSmall, sequence, {1, 0, 2, 0});
  worker.Send(message);
  for (uint64_t sequence = 1; sequence <= kPushes; ++sequence) {
    const Acknowledgement answer = worker.NextAcknowledgement();
    EXPECT_EQ(answer.sequence(), sequence);
    EXPECT_EQ(answer.version(), sequence);
  }
  worker.Pull(1, kSmall, kPushes);
  EXPECT_EQ(worker.NextWeights(1), (std::vector<float>{-60, 0, -120, 0}));
}

TEST_F(GeneratedClientTest, WhatIsSentAgainOnAnotherStreamIsAppliedOnce) {
  Worker worker(server_.port(), 3);
  worker.Push(kSmall, 1, {1, 1, 1, 1});
  EXPECT_EQ(worker.NextAcknowledgement().fate(), Acknowledgement::APPLIED);
  // Half of a push is lost with its stream.
  const std::vector<float> big(kBigElements, 2);
  wire::ClientMessage half;
  worker.AddPiece(&half, kBig, 1, big);
  worker.Send(half);
  worker.Open();
  worker.Push(kSmall, 1, {1, 1, 1, 1});
  const Acknowledgement again = worker.NextAcknowledgement();
  EXPECT_EQ(again.fate(), Acknowledgement::APPLIED);
  EXPECT_TRUE(again.duplicate());
  worker.Push(kBig, 1, big);
  const Acknowledgement whole = worker.NextAcknowledgement();
  EXPECT_EQ(whole.fate(), Acknowledgement::APPLIED) << whole.refusal().message();
  EXPECT_FALSE(whole.duplicate());
  worker.Pull(1, kSmall, 1);
  EXPECT_EQ(worker.NextWeights(1), std::vector<float>(4, -1));
  worker.Pull(2, kBig, 1);
  EXPECT_EQ(worker.NextWeights(2), Negated(big));
}

TEST_F(GeneratedClientTest, ARefusalSaysWhyAndTheStreamGoesOn) {
  Worker worker(server_.port(), 3);
  worker.Push(kSmall, 1, {1, 1, 1, std::numeric_limits<float>::infinity()});
  const Acknowledgement infinite = worker.NextAcknowledgement();
  EXPECT_EQ(infinite.fate(), Acknowledgement::REFUSED);
  EXPECT_EQ(infinite.refusal().reason(), Refusal::NOT_FINITE);
  EXPECT_NE(infinite.refusal().message().find("small"), std::string::npos) << infinite.refusal().message();
  worker.Push(9, 1, {1});
  EXPECT_EQ(worker.NextAcknowledgement().refusal().reason(), Refusal::UNKNOWN_SHARD);
  worker.Push(kSmall, 1, {1, 1, 1, 1});
  EXPECT_EQ(worker.NextAcknowledgement().fate(), Acknowledgement::APPLIED);
}

TEST_F(GeneratedClientTest, AHeldPushIsAnsweredTwice) {
  Worker one(server_.port(), 1, "sync {}"), two(server_.port(), 2, "sync {}");
  one.Push(kSmall, 1, {1, 1, 1, 1});
  EXPECT_EQ(one.NextAcknowledgement().fate(), Acknowledgement::HELD);
  one.Pull(1, kSmall, 1);
  two.Push(kSmall, 1, {3, 3, 3, 3});
  EXPECT_EQ(two.NextAcknowledgement().fate(), Acknowledgement::APPLIED);
  EXPECT_EQ(one.NextAcknowledgement().fate(), Acknowledgement::APPLIED);
  EXPECT_EQ(one.NextWeights(1), std::vector<float>(4, -2));
}

}  // namespace
}  // namespace downpour
