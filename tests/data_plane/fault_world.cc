#include "tests/data_plane/fault_world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/transport/socket.h"
#include "common/base/status.h"
#include "common/rpc/grpc_carrier.h"
#include "common/rpc/limits.h"
#include "common/sharding/placement.h"
#include "grpcpp/security/credentials.h"

namespace downpour {
namespace {

constexpr char kServerProgram[] = "server/downpour_server";

absl::StatusOr<std::unique_ptr<ChildProcess>> StartServer(const std::string& address, std::vector<std::string> flags) {
  flags.push_back(absl::StrCat("--listen=", address));
  DP_ASSIGN_OR_RETURN(auto process, ChildProcess::Start(kServerProgram, flags));
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!ConnectTcp(address).ok()) {
    if (const std::optional<int> status = process->Wait(absl::ZeroDuration())) {
      return absl::UnavailableError(absl::StrCat("the server has ended with status ", *status));
    }
    if (absl::Now() > deadline) return absl::DeadlineExceededError("the server does not listen");
    absl::SleepFor(absl::Milliseconds(5));
  }
  return process;
}

Ledger::Fate ToLedger(ShardFate fate) {
  switch (fate) {
    case ShardFate::kUnknown:
      return Ledger::Fate::kUnknown;
    case ShardFate::kApplied:
      return Ledger::Fate::kApplied;
    case ShardFate::kDropped:
    case ShardFate::kRefused:
      return Ledger::Fate::kNotApplied;
  }
  return Ledger::Fate::kUnknown;
}

absl::StatusOr<std::unique_ptr<Carrier>> MakeCarrier(const std::string& address) {
  GrpcCarrierOptions options;
  options.address = address;
  options.credentials = grpc::InsecureChannelCredentials();
  return std::make_unique<GrpcCarrier>(options);
}

}  // namespace

wire::CreateJobRequest FaultJob(char fingerprint, uint64_t epoch) {
  std::vector<TableSpec> tables(kFaultTables);
  tables[kMediumTable].name = "a_medium";
  tables[kMediumTable].shape = Shape(70'001);
  tables[kLargeTable].name = "b_large";
  tables[kLargeTable].shape = Shape(5, 512, 1024);
  tables[kSmallTable].name = "c_small";
  tables[kSmallTable].shape = Shape(10, 100);
  for (TableSpec& table : tables) table.element_count = *table.shape.NumElements();
  const ServerId servers[] = {0};
  wire::CreateJobRequest request;
  request.mutable_versions()->set_version(kProtocolVersion);
  request.mutable_versions()->set_version_min(kProtocolVersionMin);
  request.set_job_fingerprint(std::string(32, fingerprint));
  *request.mutable_shard_map() = PlaceTables(tables, servers, kShardElementsMax)->ToProto();
  request.mutable_shard_map()->set_epoch(epoch);
  request.mutable_optimizer()->mutable_sgd()->set_learning_rate(1);
  request.mutable_policy()->mutable_async();
  return request;
}

absl::StatusOr<std::unique_ptr<FaultServer>> FaultServer::Start(std::vector<std::string> flags) {
  auto server = std::make_unique<FaultServer>();
  server->flags_ = std::move(flags);
  {
    DP_ASSIGN_OR_RETURN(const Socket free_port, ListenLoopback(0));
    DP_ASSIGN_OR_RETURN(const uint16_t port, LocalPort(free_port));
    server->address_ = absl::StrCat("127.0.0.1:", port);
  }
  DP_RETURN_IF_ERROR(server->StartAgain());
  return server;
}

absl::Status FaultServer::StartAgain() {
  DP_ASSIGN_OR_RETURN(process_, StartServer(address_, flags_));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LedgerClient>> LedgerClient::Join(const Options& options, Ledger* ledger) {
  PsClientOptions client_options;
  client_options.worker = options.worker;
  client_options.job_fingerprint = options.job.job_fingerprint();
  client_options.job = options.job;
  client_options.operation_timeout = options.operation_timeout;
  client_options.heartbeat_period = absl::Milliseconds(200);
  const std::string address = options.address;
  DP_ASSIGN_OR_RETURN(std::unique_ptr<PsClient> client,
                      PsClient::Join(std::move(client_options), [address](ServerId) { return MakeCarrier(address); }));
  return std::unique_ptr<LedgerClient>(new LedgerClient(std::move(client), ledger));
}

bool LedgerClient::Push(TableIndex table) {
  const std::optional<Ledger::Push> push = ledger_->Add(table);
  if (!push.has_value()) return false;
  const auto values = std::make_shared<std::vector<float>>(ledger_->GradientOf(*push));
  Gradient gradient;
  gradient.table = table;
  gradient.values = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(values->data()), values->size() * 4);
  gradient.owner = values;
  OperationOptions options;
  options.clock = ++clock_;
  under_way_.push_back({*push, client_->Push({gradient}, options)});
  return true;
}

absl::Status LedgerClient::Settle() {
  const UnderWay oldest = std::move(under_way_.front());
  under_way_.pop_front();
  const OperationResult& result = client_->Wait(oldest.operation);
  for (const ShardOutcome& outcome : result.pushes) {
    ledger_->Record(oldest.push, outcome.shard, ToLedger(outcome.fate));
  }
  return result.status;
}

absl::Status LedgerClient::SettleAll() {
  absl::Status first;
  while (!under_way_.empty()) first.Update(Settle());
  return first;
}

absl::StatusOr<std::vector<float>> LedgerClient::Pull(TableIndex table) {
  std::vector<float> weights(client_->shard_map()->tables()[table].element_count);
  Target target;
  target.table = table;
  target.memory = absl::MakeSpan(reinterpret_cast<std::byte*>(weights.data()), weights.size() * 4);
  OperationOptions options;
  options.clock = clock_;
  DP_RETURN_IF_ERROR(client_->Wait(client_->Pull({target}, options)).status);
  return weights;
}

absl::Status AuditServer(const std::string& address, const Ledger& ledger) {
  LedgerClient::Options options;
  options.worker = 99;
  options.address = address;
  DP_ASSIGN_OR_RETURN(const auto reader, LedgerClient::Join(options, nullptr));
  for (TableIndex table = 0; table < kFaultTables; ++table) {
    DP_ASSIGN_OR_RETURN(const std::vector<float> weights, reader->Pull(table));
    DP_RETURN_IF_ERROR(ledger.Audit(table, weights));
  }
  return absl::OkStatus();
}

}  // namespace downpour
