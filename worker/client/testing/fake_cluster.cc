#include "worker/client/testing/fake_cluster.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/in_process_carrier.h"
#include "common/tensor/half.h"
#include "common/tensor/wire_dtype.h"

namespace downpour::testing {
namespace {

std::vector<float> ToFloats(const std::string& bytes, DataType dtype) {
  std::vector<float> floats(bytes.size() / (dtype == FLOAT32 ? 4 : 2));
  for (size_t i = 0; i < floats.size(); ++i) {
    if (dtype == FLOAT32) {
      std::memcpy(&floats[i], bytes.data() + 4 * i, 4);
    } else if (dtype == BFLOAT16) {
      BFloat16 value;
      std::memcpy(&value, bytes.data() + 2 * i, 2);
      floats[i] = value.ToFloat();
    } else {
      Float16 value;
      std::memcpy(&value, bytes.data() + 2 * i, 2);
      floats[i] = value.ToFloat();
    }
  }
  return floats;
}

}  // namespace

// ---- One stream

class FakeServer::End final : public ServerEnd {
 public:
  End(FakeServer* server, ExchangeLink* link) : server_(server), link_(link) {
    MutexLock lock(&cluster()->mutex_);
    server_->ends_.insert(this);
  }

  void Receive(SlicedClientMessage message) override {
    MutexLock lock(&cluster()->mutex_);
    if (message.rest.has_hello()) {
      const absl::Status admitted = Admit(message.rest.hello());
      if (!admitted.ok()) {
        broken_ = true;
        return link_->Finish(admitted);
      }
      wire::ServerHello& hello = *Out()->rest.mutable_hello();
      hello.set_version(1);
      hello.set_server_incarnation(server_->incarnation_);
      hello.set_epoch(cluster()->map_.epoch());
      hello.set_bytes_in_flight_max(cluster()->bytes_in_flight_max_);
      Flush();
    }
    for (const SlicedPushPiece& piece : message.pieces) OnPiece(piece);
    for (const wire::PullRequest& request : message.rest.pulls()) OnPull(request);
    Flush();
  }

  void ReceivedLast() override { link_->Finish(absl::OkStatus()); }

  bool Next(SlicedServerMessage* message) override {
    MutexLock lock(&cluster()->mutex_);
    if (queue_.empty()) return false;
    *message = std::move(queue_.front());
    queue_.pop_front();
    if (cluster()->faults_.tamper) cluster()->faults_.tamper(message);
    return true;
  }

  void Closed(const absl::Status&) override {
    MutexLock lock(&cluster()->mutex_);
    server_->ends_.erase(this);
  }

  ExchangeLink* link() const { return link_; }

  void ReleaseHeld() DP_NO_THREAD_SAFETY_ANALYSIS {
    for (const auto& [key, push] : held_) Apply(push.first, push.second);
    held_.clear();
    Flush();
  }

 private:
  using Key = std::pair<ShardId, uint64_t>;

  FakeCluster* cluster() const { return server_->cluster_; }
  SlicedServerMessage* Out() { return &out_; }
  void Flush() {
    if (out_.pieces.empty() && out_.rest.ByteSizeLong() == 0) return;
    queue_.push_back(std::move(out_));
    out_ = {};
  }
  void Break() { link_->Finish(absl::UnavailableError("the connection broke")); }

  absl::Status Admit(const wire::ClientHello& hello) DP_NO_THREAD_SAFETY_ANALYSIS {
    const auto found = server_->members_.find(hello.worker());
    if (server_->empty_) return absl::NotFoundError("no job here");
    if (found == server_->members_.end()) return absl::FailedPreconditionError("not joined");
    if (found->second > hello.incarnation()) return absl::AbortedError("another process has joined");
    return absl::OkStatus();
  }

  wire::Refusal::Reason Check(uint64_t epoch, uint32_t worker, uint64_t incarnation,
                              ShardId shard) DP_NO_THREAD_SAFETY_ANALYSIS {
    if (shard >= cluster()->shards_.size()) return wire::Refusal::UNKNOWN_SHARD;
    if (epoch < cluster()->map_.epoch()) return wire::Refusal::EPOCH_STALE;
    if (epoch > cluster()->map_.epoch()) return wire::Refusal::EPOCH_FUTURE;
    if (cluster()->OwnerOf(shard) != server_->id_) return wire::Refusal::UNKNOWN_SHARD;
    const auto found = server_->members_.find(worker);
    if (found == server_->members_.end()) return wire::Refusal::UNKNOWN_WORKER;
    if (incarnation < found->second) return wire::Refusal::INCARNATION_STALE;
    return wire::Refusal::REASON_UNSPECIFIED;
  }

  void OnPiece(const SlicedPushPiece& piece) DP_NO_THREAD_SAFETY_ANALYSIS {
    const wire::PushPiece& header = piece.header;
    FakeFaults& faults = cluster()->faults_;
    if (broken_) return;
    if (faults.pieces_lost > 0) {
      --faults.pieces_lost;
      broken_ = true;
      return Break();
    }
    cluster()->headers_.push_back(header);
    const Key key = {header.shard(), header.sequence()};
    if (header.offset() == 0) {
      partial_[key].clear();
      cluster()->log_.push_back(absl::StrCat("push ", header.shard(), " #", header.sequence()));
      wire::Refusal::Reason reason = Check(header.epoch(), header.worker(), header.incarnation(), header.shard());
      if (reason == wire::Refusal::REASON_UNSPECIFIED && faults.push_refusals > 0) {
        --faults.push_refusals;
        reason = faults.push_refusal;
      }
      if (reason != wire::Refusal::REASON_UNSPECIFIED) {
        partial_.erase(key);
        return Acknowledge(header, wire::Acknowledgement::REFUSED, false, reason);
      }
    }
    const auto found = partial_.find(key);
    if (found == partial_.end()) return;  // of a push that was refused
    for (const absl::Span<const std::byte> run : piece.payload) {
      found->second.append(reinterpret_cast<const char*>(run.data()), run.size());
    }
    uint64_t open = 0;
    for (const auto& [at, bytes] : partial_) open += bytes.size();
    cluster()->in_flight_most_ = std::max(cluster()->in_flight_most_, open);
    if (found->second.size() < header.total_bytes()) return;
    std::string bytes = std::move(found->second);
    partial_.erase(found);
    if (faults.hold) {
      Acknowledge(header, wire::Acknowledgement::HELD, false);
      held_[key] = {header, std::move(bytes)};
    } else {
      Apply(header, bytes);
    }
  }

  void Apply(const wire::PushPiece& header, const std::string& bytes) DP_NO_THREAD_SAFETY_ANALYSIS {
    FakeCluster::Shard& shard = cluster()->shards_[header.shard()];
    const bool is_new = shard.applied.insert({header.worker(), header.incarnation(), header.sequence()}).second;
    if (is_new) {
      const std::vector<float> gradient = ToFloats(bytes, header.dtype());
      for (size_t i = 0; i < std::min(gradient.size(), shard.weights.size()); ++i) shard.weights[i] -= gradient[i];
      ++shard.version;
    } else {
      ++cluster()->duplicates_;
    }
    if (cluster()->faults_.acknowledgements_lost > 0) {
      --cluster()->faults_.acknowledgements_lost;
      broken_ = true;
      return Break();
    }
    Acknowledge(header, wire::Acknowledgement::APPLIED, !is_new);
  }

  void Acknowledge(const wire::PushPiece& header, wire::Acknowledgement::Fate fate, bool duplicate,
                   wire::Refusal::Reason reason = wire::Refusal::REASON_UNSPECIFIED) DP_NO_THREAD_SAFETY_ANALYSIS {
    wire::Acknowledgement& answer = *Out()->rest.add_acknowledgements();
    answer.set_shard(header.shard());
    answer.set_sequence(header.sequence());
    answer.set_fate(fate);
    answer.set_duplicate(duplicate);
    if (fate != wire::Acknowledgement::REFUSED) {
      answer.set_version(cluster()->shards_[header.shard()].version);
    } else {
      answer.mutable_refusal()->set_reason(reason);
      answer.mutable_refusal()->set_message("as the test wishes");
    }
  }

  void OnPull(const wire::PullRequest& request) DP_NO_THREAD_SAFETY_ANALYSIS {
    FakeFaults& faults = cluster()->faults_;
    for (const ShardId shard : request.shards()) {
      cluster()->log_.push_back(absl::StrCat("pull ", shard));
      wire::Refusal::Reason reason = Check(request.epoch(), request.worker(), request.incarnation(), shard);
      if (reason == wire::Refusal::REASON_UNSPECIFIED && faults.pull_refusals > 0) {
        --faults.pull_refusals;
        reason = faults.pull_refusal;
      }
      if (reason != wire::Refusal::REASON_UNSPECIFIED) {
        wire::PullRefusal& refusal = *Out()->rest.add_pull_refusals();
        refusal.set_ticket(request.ticket());
        refusal.set_shard(shard);
        refusal.mutable_refusal()->set_reason(reason);
        refusal.mutable_refusal()->set_message("as the test wishes");
        continue;
      }
      Answer(request, shard);
    }
  }

  // In two pieces of odd size.
  void Answer(const wire::PullRequest& request, ShardId id) DP_NO_THREAD_SAFETY_ANALYSIS {
    const FakeCluster::Shard& shard = cluster()->shards_[id];
    const auto values = std::make_shared<const std::vector<float>>(shard.weights);
    const absl::Span<const std::byte> bytes(reinterpret_cast<const std::byte*>(values->data()), values->size() * 4);
    const size_t half = bytes.size() / 2 + 1;
    for (size_t offset = 0; offset < bytes.size(); offset += half) {
      SlicedWeightsPiece& piece = Out()->pieces.emplace_back();
      piece.header.set_ticket(request.ticket());
      piece.header.set_shard(id);
      piece.header.set_version(shard.version);
      piece.header.set_clock(request.clock());
      piece.header.set_dtype(FLOAT32);
      piece.header.set_element_count(values->size());
      piece.header.set_total_bytes(bytes.size());
      piece.header.set_offset(offset);
      piece.payload.push_back(bytes.subspan(offset, half));
      piece.owner = values;
      Flush();
    }
  }

  FakeServer* const server_;
  ExchangeLink* const link_;
  // Guarded by the cluster's lock.
  SlicedServerMessage out_;
  std::deque<SlicedServerMessage> queue_;
  std::map<Key, std::string> partial_;
  std::map<Key, std::pair<wire::PushPiece, std::string>> held_;
  bool broken_ = false;
};

// ---- One server

absl::StatusOr<std::unique_ptr<ServerEnd>> FakeServer::Open(const ExchangePeer&, const ExchangeLimits&,
                                                            ExchangeLink* link) {
  return std::make_unique<End>(this, link);
}

absl::StatusOr<wire::CreateJobResponse> FakeServer::CreateJob(const wire::CreateJobRequest&, absl::Duration) {
  MutexLock lock(&cluster_->mutex_);
  wire::CreateJobResponse response;
  response.set_server_incarnation(incarnation_);
  return response;
}

absl::StatusOr<wire::JoinResponse> FakeServer::Join(const wire::JoinRequest& request, absl::Duration) {
  MutexLock lock(&cluster_->mutex_);
  if (!cluster_->faults_.control.ok()) return cluster_->faults_.control;
  uint64_t incarnation = request.incarnation();
  if (incarnation == 0) incarnation = ++cluster_->last_incarnation_;
  uint64_t& joined = members_[request.worker()];
  if (incarnation < joined) return absl::FailedPreconditionError("an older incarnation");
  joined = incarnation;
  wire::JoinResponse response;
  response.set_version(1);
  response.set_incarnation(incarnation);
  response.set_clock(request.clock());
  response.set_server_incarnation(incarnation_);
  *response.mutable_shard_map() = cluster_->map_.ToProto();
  return response;
}

absl::StatusOr<wire::LeaveResponse> FakeServer::Leave(const wire::LeaveRequest& request, absl::Duration) {
  MutexLock lock(&cluster_->mutex_);
  members_.erase(request.worker());
  return wire::LeaveResponse();
}

absl::StatusOr<wire::HeartbeatResponse> FakeServer::Heartbeat(const wire::HeartbeatRequest& request, absl::Duration) {
  MutexLock lock(&cluster_->mutex_);
  if (!cluster_->faults_.control.ok()) return cluster_->faults_.control;
  const auto found = members_.find(request.worker());
  if (found == members_.end()) return absl::FailedPreconditionError("not joined");
  if (found->second > request.incarnation()) return absl::FailedPreconditionError("another process has joined");
  ++heartbeats_;
  wire::HeartbeatResponse response;
  response.set_server_incarnation(incarnation_);
  response.set_epoch(cluster_->map_.epoch());
  return response;
}

absl::StatusOr<wire::TakeWorkResponse> FakeServer::TakeWork(const wire::TakeWorkRequest& request, absl::Duration) {
  MutexLock lock(&cluster_->mutex_);
  if (!cluster_->faults_.control.ok()) return cluster_->faults_.control;
  wire::TakeWorkResponse response;
  response.mutable_training()->set_lease(request.ticket());
  return response;
}

absl::StatusOr<wire::ReportWorkResponse> FakeServer::ReportWork(const wire::ReportWorkRequest& request,
                                                                absl::Duration) {
  MutexLock lock(&cluster_->mutex_);
  if (!cluster_->faults_.control.ok()) return cluster_->faults_.control;
  wire::ReportWorkResponse response;
  response.set_steps(request.training().used());
  return response;
}

// ---- All of them

FakeCluster::FakeCluster(ShardMap map, uint64_t bytes_in_flight_max)
    : map_(std::move(map)), bytes_in_flight_max_(bytes_in_flight_max) {
  MutexLock lock(&mutex_);
  for (const ShardPlacement& shard : map_.shards()) {
    shards_.push_back({std::vector<float>(shard.element_count), 0, {}});
  }
  for (ServerId id = 0; id < 8; ++id) servers_[id] = std::make_unique<FakeServer>(this, id);
}

CarrierFactory FakeCluster::Carriers() {
  return [this](ServerId id) -> absl::StatusOr<std::unique_ptr<Carrier>> {
    return std::make_unique<InProcessCarrier>(&server(id), &server(id));
  };
}

PsClientOptions FakeCluster::Options() const {
  PsClientOptions options;
  options.job_fingerprint = std::string(32, 'f');
  options.operation_timeout = absl::Seconds(20);
  options.join_timeout = absl::Seconds(5);
  options.heartbeat_period = absl::Milliseconds(20);
  options.backoff = {absl::Milliseconds(1), absl::Milliseconds(10), 2, 0.3};
  MutexLock lock(&mutex_);
  options.servers.assign(map_.servers().begin(), map_.servers().end());
  return options;
}

void FakeCluster::SetFaults(FakeFaults faults) {
  MutexLock lock(&mutex_);
  faults_ = std::move(faults);
}

void FakeCluster::Break(ServerId id, absl::Status status) {
  MutexLock lock(&mutex_);
  for (FakeServer::End* end : server(id).ends_) end->link()->Finish(status);
}

void FakeCluster::Restart(ServerId id, bool with_job) {
  {
    MutexLock lock(&mutex_);
    server(id).empty_ = !with_job;
    server(id).incarnation_ += 1;
    server(id).members_.clear();
  }
  Break(id, absl::UnavailableError("the server has gone"));
}

void FakeCluster::GiveUp(uint32_t worker) {
  MutexLock lock(&mutex_);
  for (auto& [id, server] : servers_) server->members_.erase(worker);
}

void FakeCluster::Replace(uint32_t worker) {
  MutexLock lock(&mutex_);
  ++last_incarnation_;
  for (auto& [id, server] : servers_) {
    if (server->members_.contains(worker)) server->members_[worker] = last_incarnation_;
  }
}

void FakeCluster::SetMap(ShardMap map) {
  MutexLock lock(&mutex_);
  map_ = std::move(map);
}

void FakeCluster::ReleaseHeld() {
  MutexLock lock(&mutex_);
  faults_.hold = false;
  for (auto& [id, server] : servers_) {
    for (FakeServer::End* end : server->ends_) {
      end->ReleaseHeld();
      end->link()->Wake();
    }
  }
}

std::vector<float> FakeCluster::WeightsOf(TableIndex table) const {
  MutexLock lock(&mutex_);
  std::vector<float> weights;
  const ShardMap::Range range = map_.ShardsOfTable(table);
  for (ShardId shard = range.begin; shard < range.end; ++shard) {
    weights.insert(weights.end(), shards_[shard].weights.begin(), shards_[shard].weights.end());
  }
  return weights;
}

uint64_t FakeCluster::version_of(ShardId shard) const {
  MutexLock lock(&mutex_);
  return shards_[shard].version;
}

uint64_t FakeCluster::applied() const {
  MutexLock lock(&mutex_);
  uint64_t applied = 0;
  for (const Shard& shard : shards_) applied += shard.version;
  return applied;
}

uint64_t FakeCluster::duplicates() const {
  MutexLock lock(&mutex_);
  return duplicates_;
}

uint64_t FakeCluster::heartbeats(ServerId id) const {
  MutexLock lock(&mutex_);
  return servers_.at(id)->heartbeats_;
}

std::vector<std::string> FakeCluster::log() const {
  MutexLock lock(&mutex_);
  return log_;
}

std::vector<wire::PushPiece> FakeCluster::headers() const {
  MutexLock lock(&mutex_);
  return headers_;
}

uint64_t FakeCluster::in_flight_most() const {
  MutexLock lock(&mutex_);
  return in_flight_most_;
}

ShardMap MakeFakeMap(const std::vector<uint64_t>& tables, uint64_t shard_elements, uint32_t servers, uint64_t epoch,
                     uint32_t first_server) {
  ShardMapProto proto;
  proto.set_epoch(epoch);
  for (uint32_t server = 0; server < servers; ++server) proto.add_servers(first_server + server);
  uint32_t next = 0;
  for (size_t i = 0; i < tables.size(); ++i) {
    TableProto& table = *proto.add_tables();
    table.set_name(absl::StrCat("t", i));
    table.add_dimensions(tables[i]);
    for (uint64_t first = 0; first < tables[i]; first += shard_elements) {
      ShardProto& shard = *proto.add_shards();
      shard.set_table(table.name());
      shard.set_first_element(first);
      shard.set_element_count(std::min(shard_elements, tables[i] - first));
      shard.set_server(first_server + next++ % servers);
    }
  }
  return ShardMap::FromProto(proto).value();
}

}  // namespace downpour::testing
