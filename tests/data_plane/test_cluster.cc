#include "tests/data_plane/test_cluster.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/in_process_carrier.h"
#include "common/rpc/limits.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

wire::CreateJobRequest MakeJob(const TestJob& job) {
  wire::CreateJobRequest request;
  request.mutable_versions()->set_version(kProtocolVersion);
  request.mutable_versions()->set_version_min(kProtocolVersionMin);
  request.set_job_fingerprint(std::string(32, 'j'));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(job.optimizer, request.mutable_optimizer()));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(job.policy, request.mutable_policy()));
  ShardMapProto& map = *request.mutable_shard_map();
  map.set_epoch(1);
  for (uint32_t server = 0; server < job.servers; ++server) map.add_servers(server);
  uint32_t next = 0;
  for (size_t i = 0; i < job.tables.size(); ++i) {
    TableProto& table = *map.add_tables();
    table.set_name(absl::StrCat("table", i));
    table.add_dimensions(job.tables[i]);
    for (uint64_t first = 0; first < job.tables[i]; first += job.shard_elements) {
      ShardProto& shard = *map.add_shards();
      shard.set_table(table.name());
      shard.set_first_element(first);
      shard.set_element_count(std::min(job.shard_elements, job.tables[i] - first));
      shard.set_server(next++ % job.servers);
    }
  }
  return request;
}

}  // namespace

std::vector<CarrierKind> AllCarrierKinds() {
  const auto in_process = [](JobHost* host, const std::string&) {
    return std::make_unique<InProcessCarrier>(host, host);
  };
  const auto over_grpc = [](ClientPayloadChannels* channels) {
    return [channels](JobHost*, const std::string& address) {
      GrpcCarrierOptions options;
      options.address = address;
      options.credentials = grpc::InsecureChannelCredentials();
      options.payload_channels = channels;
      return std::make_unique<GrpcCarrier>(std::move(options));
    };
  };
  static SharedMemoryClientChannels* const shared_memory = new SharedMemoryClientChannels();
  return {
      {.name = "memory", .make = in_process},
      {.name = "grpc", .listens = true, .make = over_grpc(nullptr)},
      {.name = "shm", .listens = true, .shares_memory = true, .make = over_grpc(shared_memory)},
  };
}

std::shared_ptr<ExchangeLink> CuttableCarrier::Connect(std::shared_ptr<ClientEnd> end) {
  std::shared_ptr<ExchangeLink> link = carrier_->Connect(std::move(end));
  MutexLock lock(&mutex_);
  link_ = link;
  return link;
}

void CuttableCarrier::Cut() {
  std::shared_ptr<ExchangeLink> link;
  {
    MutexLock lock(&mutex_);
    link = link_.lock();
  }
  if (link != nullptr) link->Finish(absl::UnavailableError("cut by the test"));
}

TestCluster::TestCluster(CarrierKind kind, const TestJob& job)
    : kind_(std::move(kind)), job_(MakeJob(job)), map_(ShardMap::FromProto(job_.shard_map()).value()) {
  for (uint32_t server = 0; server < job.servers; ++server) StartServer(server, "127.0.0.1:0");
}

TestCluster::~TestCluster() {
  for (auto& [id, server] : servers_) server.grpc = nullptr;
}

void TestCluster::StartServer(ServerId id, const std::string& listen) {
  JobHost::Options options;
  options.server = id;
  options.server_incarnation = next_incarnation_++;
  options.memory_max = size_t{8} << 30;
  Server& server = servers_[id];
  server.host = std::make_unique<JobHost>(options);
  if (!kind_.listens) return;
  GrpcServerOptions grpc;
  grpc.listen = listen;
  grpc.threads = 4;
  if (kind_.shares_memory) {
    absl::StatusOr<std::unique_ptr<SharedMemoryServerChannels>> channels = SharedMemoryServerChannels::Start();
    ASSERT_EQ(channels.status(), absl::OkStatus());
    server.channels = *std::move(channels);
    grpc.payload_channels = server.channels.get();
  }
  absl::StatusOr<std::unique_ptr<GrpcServer>> started = GrpcServer::Start(grpc, server.host.get(), server.host.get());
  ASSERT_EQ(started.status(), absl::OkStatus());
  server.grpc = *std::move(started);
  server.address = server.grpc->address();
}

void TestCluster::Restart(ServerId id) {
  Server& server = servers_.at(id);
  const std::string address = server.address;
  if (server.grpc != nullptr) {
    server.grpc = nullptr;
    server.channels = nullptr;
    server.host = nullptr;
    StartServer(id, address);
    return;
  }
  // In process nothing goes away: the old server ends its exchanges, the new one is reached from then on.
  server.host->Drain();
}

PsClientOptions TestCluster::Options(uint32_t worker) const {
  PsClientOptions options;
  options.worker = worker;
  options.job_fingerprint = job_.job_fingerprint();
  options.job = job_;
  options.servers.assign(map_.servers().begin(), map_.servers().end());
  options.operation_timeout = absl::Seconds(120);
  options.heartbeat_period = absl::Milliseconds(100);
  options.backoff = {absl::Milliseconds(2), absl::Milliseconds(50), 2, 0.3};
  options.seed = worker;
  return options;
}

CarrierFactory TestCluster::Carriers(uint32_t worker) {
  return [this, worker](ServerId id) -> absl::StatusOr<std::unique_ptr<Carrier>> {
    const Server& server = servers_.at(id);
    auto carrier = std::make_unique<CuttableCarrier>(kind_.make(server.host.get(), server.address));
    MutexLock lock(&mutex_);
    carriers_[{worker, id}] = carrier.get();
    return carrier;
  };
}

std::unique_ptr<PsClient> TestCluster::Join(uint32_t worker) {
  absl::StatusOr<std::unique_ptr<PsClient>> client = PsClient::Join(Options(worker), Carriers(worker));
  EXPECT_EQ(client.status(), absl::OkStatus());
  return client.ok() ? *std::move(client) : nullptr;
}

void TestCluster::Cut(uint32_t worker, ServerId server) {
  MutexLock lock(&mutex_);
  carriers_.at({worker, server})->Cut();
}

std::vector<float> TestCluster::WeightsOf(TableIndex table) const {
  std::vector<float> weights;
  const ShardMap::Range range = map_.ShardsOfTable(table);
  for (ShardId id = range.begin; id < range.end; ++id) {
    const Server& server = servers_.at(map_.shards()[id].server);
    const Weights read = server.host->job()->shard(id)->Read(/*average=*/false).value();
    for (size_t block = 0; block < read.values.blocks.size(); ++block) {
      weights.insert(weights.end(), read.values.block(block).begin(), read.values.block(block).end());
    }
  }
  return weights;
}

}  // namespace downpour
