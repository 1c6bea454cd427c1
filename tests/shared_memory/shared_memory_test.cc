// A client and a downpour_server, with and without memory between them.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/shared_memory/channels.h"
#include "common/rpc/shared_memory/host_identity.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/control.grpc.pb.h"
#include "proto/data_plane.grpc.pb.h"
#include "tests/security/server_process.h"
#include "worker/client/ps_client.h"

namespace downpour {
namespace {

using testing::ServerProcess;

constexpr uint64_t kShardElements = 1 << 18;
constexpr uint64_t kElements = 20 * kShardElements + 12'345;  // 21 MB: more than the ring

wire::CreateJobRequest MakeJob(const std::string& policy) {
  wire::CreateJobRequest job;
  job.mutable_versions()->set_version(1);
  job.mutable_versions()->set_version_min(1);
  job.set_job_fingerprint(std::string(32, 'f'));
  // w -= g
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("sgd { learning_rate: 1 }", job.mutable_optimizer()));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(policy, job.mutable_policy()));
  ShardMapProto& map = *job.mutable_shard_map();
  map.set_epoch(1);
  map.add_servers(0);
  TableProto& table = *map.add_tables();
  table.set_name("table");
  table.add_dimensions(kElements);
  for (uint64_t first = 0; first < kElements; first += kShardElements) {
    ShardProto& shard = *map.add_shards();
    shard.set_table("table");
    shard.set_first_element(first);
    shard.set_element_count(std::min(kShardElements, kElements - first));
    shard.set_server(0);
  }
  return job;
}

class SharedMemoryTest : public ::testing::Test {
 protected:
  std::unique_ptr<PsClient> Join(const ServerProcess& server, ClientPayloadChannels* channels, uint32_t worker = 0,
                                 const std::string& policy = "async { }") {
    PsClientOptions options;
    options.worker = worker;
    options.job_fingerprint = std::string(32, 'f');
    options.job = MakeJob(policy);
    auto joined = PsClient::Join(options, [&](ServerId) -> absl::StatusOr<std::unique_ptr<Carrier>> {
      GrpcCarrierOptions carrier;
      carrier.address = absl::StrCat("127.0.0.1:", server.port());
      carrier.credentials = grpc::InsecureChannelCredentials();
      carrier.payload_channels = channels;
      return std::make_unique<GrpcCarrier>(carrier);
    });
    EXPECT_TRUE(joined.ok()) << joined.status();
    return joined.ok() ? *std::move(joined) : nullptr;
  }

  OperationHandle Push(PsClient* client, float scale, uint64_t clock) {
    auto values = std::make_shared<std::vector<float>>(kElements);
    for (uint64_t i = 0; i < kElements; ++i) (*values)[i] = scale * static_cast<float>(i % 1000);
    Gradient gradient;
    gradient.values = {reinterpret_cast<const std::byte*>(values->data()), kElements * sizeof(float)};
    gradient.owner = std::move(values);
    OperationOptions options;
    options.clock = clock;
    return client->Push({gradient}, options);
  }

  static void ExpectWeights(PsClient* client, float scale, uint64_t clock) {
    std::vector<float> weights(kElements);
    Target target;
    target.memory = {reinterpret_cast<std::byte*>(weights.data()), kElements * sizeof(float)};
    OperationOptions options;
    options.clock = clock;
    const auto pull = client->Pull({target}, options);
    ASSERT_TRUE(client->Wait(pull).status.ok()) << client->Wait(pull).status;
    for (uint64_t i = 0; i < kElements; ++i) {
      ASSERT_EQ(weights[i], -scale * static_cast<float>(i % 1000)) << i;
    }
  }

  SharedMemoryClientChannels channels_;
};

TEST_F(SharedMemoryTest, TrainsThroughMemoryThatBothHave) {
  const ServerProcess server({"--listen=127.0.0.1:0"});
  ASSERT_NE(server.port(), 0) << server.complaint();
  const auto client = Join(server, &channels_);
  ASSERT_NE(client, nullptr);
  for (int i = 1; i <= 8; ++i) Push(client.get(), 1, i);
  ASSERT_TRUE(client->Flush().ok());
  EXPECT_TRUE(server.HasSharedMemory());
  ExpectWeights(client.get(), 8, 8);
}

TEST_F(SharedMemoryTest, TrainsWithoutWhereEitherSideWantsNone) {
  for (const bool server_wants : {false, true}) {
    const ServerProcess server(
        {"--listen=127.0.0.1:0", absl::StrCat("--shared_memory=", server_wants ? "true" : "false")});
    ASSERT_NE(server.port(), 0) << server.complaint();
    const auto client = Join(server, server_wants ? nullptr : &channels_);
    ASSERT_NE(client, nullptr);
    Push(client.get(), 1, 1);
    ASSERT_TRUE(client->Flush().ok());
    EXPECT_FALSE(server.HasSharedMemory());
    ExpectWeights(client.get(), 1, 1);
  }
}

TEST_F(SharedMemoryTest, HoldsPushesForABatchWithoutKeepingTheRing) {
  const ServerProcess server({"--listen=127.0.0.1:0"});
  ASSERT_NE(server.port(), 0) << server.complaint();
  const std::string policy = "sync { required: 2 }";
  const auto one = Join(server, &channels_, 0, policy);
  const auto two = Join(server, &channels_, 1, policy);
  ASSERT_TRUE(one != nullptr && two != nullptr);
  for (int step = 1; step <= 3; ++step) {
    const auto first = Push(one.get(), 1, step), second = Push(two.get(), 3, step);
    ASSERT_TRUE(one->Wait(first).status.ok()) << one->Wait(first).status;
    ASSERT_TRUE(two->Wait(second).status.ok()) << two->Wait(second).status;
    ExpectWeights(one.get(), 2.0f * step, step);
    ExpectWeights(two.get(), 2.0f * step, step);
  }
}

TEST_F(SharedMemoryTest, TakesAsManyUnfinishedBytesAsItsOfferSaid) {
  const ServerProcess server({"--listen=127.0.0.1:0"});
  ASSERT_NE(server.port(), 0) << server.complaint();
  const auto client = Join(server, nullptr);
  ASSERT_NE(client, nullptr);
  // A client of plain protobuf that is offered the memory and does not fetch it.
  const auto channel =
      grpc::CreateChannel(absl::StrCat("127.0.0.1:", server.port()), grpc::InsecureChannelCredentials());
  wire::JoinRequest join;
  join.mutable_versions()->set_version(1);
  join.mutable_versions()->set_version_min(1);
  join.set_job_fingerprint(std::string(32, 'f'));
  join.set_worker(7);
  wire::JoinResponse joined;
  grpc::ClientContext join_context, context;
  ASSERT_TRUE(wire::Control::NewStub(channel)->Join(&join_context, join, &joined).ok());
  const auto stream = wire::DataPlane::NewStub(channel)->Exchange(&context);
  wire::ClientMessage message;
  message.mutable_hello()->set_version(1);
  message.mutable_hello()->set_version_min(1);
  message.mutable_hello()->set_job_fingerprint(join.job_fingerprint());
  message.mutable_hello()->set_worker(7);
  message.mutable_hello()->set_incarnation(joined.incarnation());
  message.mutable_hello()->set_host_identity(HostIdentity());
  ASSERT_TRUE(stream->Write(message));
  wire::ServerMessage answer;
  ASSERT_TRUE(stream->Read(&answer));
  ASSERT_TRUE(answer.hello().has_shared_memory());
  const uint64_t in_flight_max = answer.hello().bytes_in_flight_max();

  // Of many shards the first half, then the second: before that no push is whole.
  constexpr uint64_t kShardBytes = kShardElements * sizeof(float), kPieceBytes = kShardBytes / 2;
  const uint64_t shards = in_flight_max / kPieceBytes - 1;
  ASSERT_GT(shards * kPieceBytes, 2 * kShardBytes) << "no more than without an offer";
  const auto send = [&](uint64_t shard, uint64_t offset) {
    wire::ClientMessage pushed;
    wire::PushPiece& piece = *pushed.add_pushes();
    piece.set_shard(shard);
    piece.set_epoch(1);
    piece.set_worker(7);
    piece.set_incarnation(joined.incarnation());
    piece.set_sequence(1);
    piece.set_dtype(FLOAT32);
    piece.set_element_count(kShardElements);
    piece.set_total_bytes(kShardBytes);
    piece.set_offset(offset);
    piece.set_payload(std::string(kPieceBytes, '\0'));
    EXPECT_TRUE(stream->Write(pushed));
  };
  for (uint64_t offset = 0; offset < kShardBytes; offset += kPieceBytes) {
    for (uint64_t shard = 0; shard < shards; ++shard) send(shard, offset);
  }
  stream->WritesDone();
  uint64_t applied = 0;
  while (stream->Read(&answer)) {
    for (const wire::Acknowledgement& one : answer.acknowledgements()) {
      EXPECT_EQ(one.fate(), wire::Acknowledgement::APPLIED) << one.refusal().message();
      ++applied;
    }
  }
  EXPECT_EQ(applied, shards);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(SharedMemoryTest, GivesItBackWhenAWorkerIsKilledInTheMiddleOfAPush) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  // Forked before this process has threads of its own; told the port by the pipe.
  const pid_t worker = fork();
  if (worker == 0) {
    int port = 0;
    if (read(ready[0], &port, sizeof(port)) != sizeof(port)) _exit(1);
    PsClientOptions options;
    options.worker = 5;
    options.job_fingerprint = std::string(32, 'f');
    options.job = MakeJob("async { }");
    auto joined = PsClient::Join(options, [&](ServerId) -> absl::StatusOr<std::unique_ptr<Carrier>> {
      GrpcCarrierOptions carrier;
      carrier.address = absl::StrCat("127.0.0.1:", port);
      carrier.credentials = grpc::InsecureChannelCredentials();
      carrier.payload_channels = &channels_;
      return std::make_unique<GrpcCarrier>(carrier);
    });
    if (!joined.ok()) _exit(2);
    for (int i = 1;; ++i) {
      const auto push = Push(joined->get(), 0, i);
      if (i % 2 == 0) (*joined)->Wait(push);
    }
  }
  const ServerProcess server({"--listen=127.0.0.1:0"});
  ASSERT_NE(server.port(), 0) << server.complaint();
  const int port = server.port();
  ASSERT_EQ(write(ready[1], &port, sizeof(port)), ssize_t{sizeof(port)});
  for (int i = 0; i < 1000 && !server.HasSharedMemory(); ++i) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_TRUE(server.HasSharedMemory());
  absl::SleepFor(absl::Milliseconds(100));
  kill(worker, SIGKILL);
  for (int i = 0; i < 1000 && server.HasSharedMemory(); ++i) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_FALSE(server.HasSharedMemory());

  const auto client = Join(server, &channels_);
  ASSERT_NE(client, nullptr);
  Push(client.get(), 1, 1);
  ASSERT_TRUE(client->Flush().ok());
  ExpectWeights(client.get(), 1, 1);
}

}  // namespace
}  // namespace downpour
