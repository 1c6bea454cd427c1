#include "cli/train/embedded_cluster.h"

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/in_process_carrier.h"
#include "grpcpp/security/credentials.h"

namespace downpour {
namespace {

constexpr absl::Duration kSweepPeriod = absl::Seconds(2);
constexpr absl::Duration kShutdownPatience = absl::Seconds(2);

uint64_t DrawIncarnation() {
  std::random_device device;
  return std::max<uint64_t>((uint64_t{device()} << 32) | device(), 1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EmbeddedCluster>> EmbeddedCluster::Start(const Options& options) {
  if (options.carrier != "memory" && options.carrier != "grpc" && options.carrier != "shm") {
    return absl::InvalidArgumentError(
        absl::StrCat("--carrier is \"", options.carrier, "\"; it must be memory, shm or grpc"));
  }
  if (options.servers == 0) return absl::InvalidArgumentError("--servers is 0; a job needs at least one");
  std::unique_ptr<EmbeddedCluster> cluster(new EmbeddedCluster(options));
  for (ServerId id = 0; id < options.servers; ++id) DP_RETURN_IF_ERROR(cluster->StartServer(id));
  cluster->sweeper_ = std::thread([raw = cluster.get()] { raw->SweepNowAndThen(); });
  return cluster;
}

absl::Status EmbeddedCluster::StartServer(ServerId id) {
  Server& server = servers_[id];
  server.host = std::make_unique<JobHost>(
      JobHost::Options{.server = id, .server_incarnation = DrawIncarnation(), .memory_max = options_.memory_max});
  if (options_.carrier == "memory") return absl::OkStatus();
  GrpcServerOptions grpc;
  grpc.listen = "127.0.0.1:0";
  if (options_.carrier == "shm") {
    DP_ASSIGN_OR_RETURN(server.channels, SharedMemoryServerChannels::Start());
    grpc.payload_channels = server.channels.get();
  }
  DP_ASSIGN_OR_RETURN(server.grpc, GrpcServer::Start(grpc, server.host.get(), server.host.get()));
  server.grpc->SetServing(true);
  return absl::OkStatus();
}

EmbeddedCluster::~EmbeddedCluster() {
  {
    MutexLock lock(&mutex_);
    ending_ = true;
    wake_.SignalAll();
  }
  if (sweeper_.joinable()) sweeper_.join();
  for (auto& [id, server] : servers_) {
    server.status = nullptr;
    if (server.grpc != nullptr) server.grpc->Shutdown(kShutdownPatience);
    server.grpc = nullptr;
  }
}

void EmbeddedCluster::SweepNowAndThen() {
  MutexLock lock(&mutex_);
  while (!ending_) {
    wake_.WaitFor(&mutex_, kSweepPeriod);
    for (auto& [id, server] : servers_) server.host->Sweep();
  }
}

std::vector<ServerId> EmbeddedCluster::servers() const {
  std::vector<ServerId> ids;
  for (const auto& [id, server] : servers_) ids.push_back(id);
  return ids;
}

CarrierFactory EmbeddedCluster::Carriers() {
  return [this](ServerId id) -> absl::StatusOr<std::unique_ptr<Carrier>> {
    const auto found = servers_.find(id);
    if (found == servers_.end()) return absl::NotFoundError(absl::StrCat("there is no server/", id));
    const Server& server = found->second;
    if (server.grpc == nullptr) return std::make_unique<InProcessCarrier>(server.host.get(), server.host.get());
    GrpcCarrierOptions options;
    options.address = server.grpc->address();
    options.credentials = grpc::InsecureChannelCredentials();
    if (server.channels != nullptr) options.payload_channels = &shared_memory_;
    return std::make_unique<GrpcCarrier>(std::move(options));
  };
}

absl::Status EmbeddedCluster::TellStatus(const std::string& listen) {
  std::map<std::string, std::string> addresses;
  for (auto& [id, server] : servers_) {
    StatusServer::Options options;
    const std::string host = listen.substr(0, listen.rfind(':'));
    options.listen = id == 0 ? listen : absl::StrCat(host, ":0");
    options.describe = [host = server.host.get()](const wire::StatusRequest& request) {
      return host->Describe(request);
    };
    DP_ASSIGN_OR_RETURN(server.status, StatusServer::Start(std::move(options)));
    const std::string address = absl::StrCat(host, ":", server.status->port());
    if (id == 0) status_address_ = address;
    server.host->SetAddress(address);
    addresses[absl::StrCat("server/", id)] = address;
  }
  for (auto& [id, server] : servers_) {
    for (const auto& [task, address] : addresses) server.host->KnowTask(task, address);
  }
  return absl::OkStatus();
}

}  // namespace downpour
