// A server that is asked for much more than it can do: eight workers, each of which could keep it busy by itself, push
// and pull the whole model at once and never wait. What it takes of memory stays within what its description says.
#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/shared_memory/channels.h"
#include "common/sharding/placement.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "tests/data_plane/fault_world.h"

namespace downpour {
namespace {

constexpr size_t kModelBytes = size_t{100} << 20;
constexpr size_t kMemoryMax = kModelBytes + kModelBytes / 4 + (size_t{256} << 20);
constexpr uint32_t kWorkers = 8;
constexpr int kOperationsInFlight = 3;
constexpr int kOperations = 24;  // of each worker and direction

class Discard final : public WeightsSink {
 public:
  void Take(TableIndex, uint64_t, absl::Span<const std::byte>, const std::shared_ptr<const void>&) override {}
};

wire::CreateJobRequest ModelOf100MiB() {
  wire::CreateJobRequest job = FaultJob();
  std::vector<TableSpec> tables(4);
  for (size_t i = 0; i < tables.size(); ++i) {
    tables[i].name = absl::StrCat("t", i);
    tables[i].element_count = kModelBytes / sizeof(float) / tables.size();
    tables[i].shape = Shape(tables[i].element_count);
  }
  const ServerId servers[] = {0};
  *job.mutable_shard_map() = PlaceTables(tables, servers)->ToProto();
  return job;
}

class OverloadTest : public ::testing::TestWithParam<bool> {
 protected:
  static std::unique_ptr<PsClient> Join(uint32_t worker, const std::string& address, ClientPayloadChannels* channels) {
    PsClientOptions options;
    options.worker = worker;
    options.job = ModelOf100MiB();
    options.job_fingerprint = options.job->job_fingerprint();
    auto client = PsClient::Join(options, [&](ServerId) -> absl::StatusOr<std::unique_ptr<Carrier>> {
      GrpcCarrierOptions carrier;
      carrier.address = address;
      carrier.credentials = grpc::InsecureChannelCredentials();
      carrier.payload_channels = channels;
      return std::make_unique<GrpcCarrier>(carrier);
    });
    EXPECT_TRUE(client.ok()) << client.status();
    return client.ok() ? *std::move(client) : nullptr;
  }
};

TEST_P(OverloadTest, AServerKeepsItsMemoryUnderEightTimesWhatItCanDo) {
  const auto server = FaultServer::Start();
  ASSERT_TRUE(server.ok()) << server.status();
  SharedMemoryClientChannels shared_memory;
  std::vector<std::unique_ptr<PsClient>> clients;
  for (uint32_t worker = 0; worker < kWorkers; ++worker) {
    clients.push_back(Join(worker, (*server)->address(), GetParam() ? &shared_memory : nullptr));
    ASSERT_NE(clients.back(), nullptr);
  }
  const size_t at_rest = (*server)->process().PeakBytes();

  Discard discard;
  std::vector<std::thread> threads;
  for (const auto& client : clients) {
    for (const bool push : {true, false}) {
      threads.emplace_back([&, push, client = client.get()] {
        std::deque<OperationHandle> under_way;
        for (int i = 0; i < kOperations; ++i) {
          if (under_way.size() == kOperationsInFlight) {
            EXPECT_EQ(client->Wait(under_way.front()).status, absl::OkStatus());
            under_way.pop_front();
          }
          std::vector<Gradient> gradients;
          std::vector<Target> targets;
          for (TableIndex table = 0; table < client->shard_map()->tables().size(); ++table) {
            if (push) gradients.push_back({.table = table, .zeros = true});
            if (!push) targets.push_back({.table = table, .sink = &discard});
          }
          under_way.push_back(push ? client->Push(gradients) : client->Pull(targets));
        }
        for (const OperationHandle& operation : under_way) {
          EXPECT_EQ(client->Wait(operation).status, absl::OkStatus());
        }
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  const size_t peak = (*server)->process().PeakBytes();
  std::printf("%s: model %zu MiB, server at rest %zu MiB, under load %zu MiB at most, allowed %zu MiB\n",
              GetParam() ? "shared memory" : "gRPC", kModelBytes >> 20, at_rest >> 20, peak >> 20, kMemoryMax >> 20);
  EXPECT_LE(peak, kMemoryMax);
}

INSTANTIATE_TEST_SUITE_P(Carriers, OverloadTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "SharedMemory" : "Grpc"; });

}  // namespace
}  // namespace downpour
