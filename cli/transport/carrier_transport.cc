#include "cli/transport/carrier_transport.h"

#include <array>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/transport/huge_array.h"
#include "common/base/status.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/in_process_carrier.h"
#include "common/rpc/limits.h"
#include "common/rpc/shared_memory/channels.h"
#include "common/sharding/placement.h"
#include "grpcpp/security/credentials.h"
#include "server/service/grpc_server.h"
#include "server/service/job_host.h"
#include "worker/client/ps_client.h"

namespace downpour {
namespace {

absl::StatusOr<wire::CreateJobRequest> MakeJob(const TransportShape& shape) {
  std::vector<TableSpec> tables(shape.tensors);
  for (size_t i = 0; i < tables.size(); ++i) {
    tables[i].name = absl::StrCat("tensor", i);
    tables[i].shape = Shape(shape.tensor_bytes / sizeof(float));
    tables[i].element_count = shape.tensor_bytes / sizeof(float);
  }
  const ServerId servers[] = {0};
  DP_ASSIGN_OR_RETURN(const ShardMap map, PlaceTables(tables, servers));
  wire::CreateJobRequest request;
  request.mutable_versions()->set_version(kProtocolVersion);
  request.mutable_versions()->set_version_min(kProtocolVersionMin);
  request.set_job_fingerprint(std::string(32, 'b'));
  *request.mutable_shard_map() = map.ToProto();
  request.mutable_optimizer()->mutable_sgd()->set_learning_rate(1.0 / 1024);
  request.mutable_policy()->mutable_async();
  return request;
}

JobHost::Options HostOptions(const TransportShape& shape) {
  JobHost::Options options;
  options.server_incarnation = 1;
  options.memory_max = 2 * shape.bytes() + (size_t{1} << 30);
  return options;
}

class CarrierClient : public TransportClient {
 public:
  static absl::StatusOr<std::unique_ptr<TransportClient>> Join(const TransportShape& shape, int client,
                                                               CarrierFactory carriers) {
    PsClientOptions options;
    options.worker = client;
    DP_ASSIGN_OR_RETURN(options.job, MakeJob(shape));
    options.job_fingerprint = options.job->job_fingerprint();
    options.operation_timeout = absl::Seconds(30);  // where the server has died
    DP_ASSIGN_OR_RETURN(HugeArray gradients, HugeArray::Make(shape.push ? shape.bytes() : 0, 1));
    DP_ASSIGN_OR_RETURN(HugeArray weights, HugeArray::Make(shape.pull ? shape.bytes() : 0, 0));
    DP_ASSIGN_OR_RETURN(std::unique_ptr<PsClient> joined, PsClient::Join(std::move(options), std::move(carriers)));
    return std::unique_ptr<TransportClient>(
        new CarrierClient(shape, std::move(gradients), std::move(weights), std::move(joined)));
  }

  absl::Status Start(Transfer direction, size_t tensor) override {
    OperationOptions options;
    OperationHandle operation;
    if (direction == Transfer::kPush) {
      options.clock = ++clock_;
      Gradient gradient;
      gradient.table = static_cast<TableIndex>(tensor);
      gradient.values = {gradients_.data() + tensor * shape_.tensor_bytes, shape_.tensor_bytes};
      operation = client_->Push({gradient}, options);
    } else {
      Target target;
      target.table = static_cast<TableIndex>(tensor);
      target.memory = {weights_.data() + tensor * shape_.tensor_bytes, shape_.tensor_bytes};
      operation = client_->Pull({target}, options);
    }
    operations_[static_cast<size_t>(direction)].push_back(std::move(operation));
    return absl::OkStatus();
  }

  absl::Status Finish(Transfer direction) override {
    std::deque<OperationHandle>& operations = operations_[static_cast<size_t>(direction)];
    const absl::Status& status = client_->Wait(operations.front()).status;
    DP_RETURN_IF_ERROR(status);
    operations.pop_front();
    return absl::OkStatus();
  }

  absl::Span<const float> Pulled() override { return {weights_.floats(), weights_.bytes() / sizeof(float)}; }

 private:
  CarrierClient(const TransportShape& shape, HugeArray gradients, HugeArray weights, std::unique_ptr<PsClient> client)
      : shape_(shape), gradients_(std::move(gradients)), weights_(std::move(weights)), client_(std::move(client)) {}

  const TransportShape shape_;
  HugeArray gradients_;
  HugeArray weights_;
  uint64_t clock_ = 0;
  std::array<std::deque<OperationHandle>, kTransfers> operations_;
  const std::unique_ptr<PsClient> client_;  // goes first: operations under way refer to the arrays
};

// ---- memory

class MemoryServer : public TransportServer {
 public:
  explicit MemoryServer(const TransportShape& shape) : host_(HostOptions(shape)) {}

  std::string address() const override { return "in-process"; }
  JobHost& host() { return host_; }

 private:
  JobHost host_;
};

class MemoryTransport : public Transport {
 public:
  std::string name() const override { return "memory"; }
  bool in_process() const override { return true; }

  absl::StatusOr<std::unique_ptr<TransportServer>> Serve(const TransportShape& shape) const override {
    return std::make_unique<MemoryServer>(shape);
  }

  absl::StatusOr<std::unique_ptr<TransportClient>> Connect(const TransportShape& shape, const std::string& /*address*/,
                                                           int client, TransportServer* server) const override {
    JobHost& host = static_cast<MemoryServer*>(server)->host();
    return CarrierClient::Join(shape, client, [&host](ServerId) -> absl::StatusOr<std::unique_ptr<Carrier>> {
      return std::make_unique<InProcessCarrier>(&host, &host);
    });
  }
};

// ---- grpc, grpc_plain, shm

enum class GrpcKind { kStream, kPlain, kSharedMemory };

class GrpcBenchServer : public TransportServer {
 public:
  static absl::StatusOr<std::unique_ptr<TransportServer>> Start(const TransportShape& shape, GrpcKind kind) {
    std::unique_ptr<GrpcBenchServer> server(new GrpcBenchServer(shape));
    GrpcServerOptions options;
    if (kind == GrpcKind::kSharedMemory) {
      DP_ASSIGN_OR_RETURN(server->channels_, SharedMemoryServerChannels::Start());
      options.payload_channels = server->channels_.get();
    }
    DP_ASSIGN_OR_RETURN(server->server_, GrpcServer::Start(options, &server->host_, &server->host_));
    server->server_->SetServing(true);
    return server;
  }

  std::string address() const override { return server_->address(); }

 private:
  explicit GrpcBenchServer(const TransportShape& shape) : host_(HostOptions(shape)) {}

  std::unique_ptr<SharedMemoryServerChannels> channels_;
  JobHost host_;
  std::unique_ptr<GrpcServer> server_;
};

// gRPC as it is without our putting small pieces together.
class PlainCarrier : public Carrier {
 public:
  explicit PlainCarrier(GrpcCarrierOptions options) : carrier_(std::move(options)) {}

  std::string_view name() const override { return carrier_.name(); }
  std::string address() const override { return carrier_.address(); }
  ExchangeLimits limits() const override {
    ExchangeLimits limits = carrier_.limits();
    limits.coalesced_bytes = 1;
    return limits;
  }
  std::shared_ptr<ExchangeLink> Connect(std::shared_ptr<ClientEnd> end) override {
    return carrier_.Connect(std::move(end));
  }
  Control& control() override { return carrier_.control(); }

 private:
  GrpcCarrier carrier_;
};

class GrpcTransport : public Transport {
 public:
  explicit GrpcTransport(GrpcKind kind) : kind_(kind) {}

  std::string name() const override {
    return kind_ == GrpcKind::kStream ? "grpc" : kind_ == GrpcKind::kPlain ? "grpc_plain" : "shm";
  }
  bool compare_with_memcpy() const override { return kind_ == GrpcKind::kSharedMemory; }

  absl::StatusOr<std::unique_ptr<TransportServer>> Serve(const TransportShape& shape) const override {
    return GrpcBenchServer::Start(shape, kind_);
  }

  absl::StatusOr<std::unique_ptr<TransportClient>> Connect(const TransportShape& shape, const std::string& address,
                                                           int client, TransportServer* /*server*/) const override {
    GrpcCarrierOptions options;
    options.address = address;
    options.credentials = grpc::InsecureChannelCredentials();
    if (kind_ == GrpcKind::kSharedMemory) {
      static SharedMemoryClientChannels& channels = *new SharedMemoryClientChannels();
      options.payload_channels = &channels;
    }
    const bool plain = kind_ == GrpcKind::kPlain;
    return CarrierClient::Join(shape, client, [options, plain](ServerId) -> absl::StatusOr<std::unique_ptr<Carrier>> {
      if (plain) return std::make_unique<PlainCarrier>(options);
      return std::make_unique<GrpcCarrier>(options);
    });
  }

 private:
  const GrpcKind kind_;
};

}  // namespace

std::vector<std::unique_ptr<Transport>> MakeCarrierTransports() {
  std::vector<std::unique_ptr<Transport>> transports;
  transports.push_back(std::make_unique<MemoryTransport>());
  for (const GrpcKind kind : {GrpcKind::kStream, GrpcKind::kPlain, GrpcKind::kSharedMemory}) {
    transports.push_back(std::make_unique<GrpcTransport>(kind));
  }
  return transports;
}

}  // namespace downpour
