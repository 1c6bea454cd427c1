#include "worker/client/client_core.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "kernels/kernels.h"
#include "worker/client/server_stream.h"

namespace downpour {

ClientCore::ClientCore(PsClientOptions options, CarrierFactory carriers)
    : options_(std::move(options)), carriers_(std::move(carriers)) {
  MutexLock lock(&mutex_);
  reported_clock_ = options_.clock;
  heartbeat_period_ = options_.heartbeat_period;
}

// ---- What an operation is made of

absl::Status ClientCore::PrepareGradient(const ShardMap& map, const Gradient& gradient,
                                         OpenOperation* operation) const {
  if (gradient.table >= map.tables().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no table ", gradient.table, ": the job has ", map.tables().size()));
  }
  const TableSpec& table = map.tables()[gradient.table];
  const size_t element_bytes = DTypeSize(gradient.dtype);
  if (gradient.dtype != DType::kFloat32 && gradient.dtype != DType::kBFloat16 && gradient.dtype != DType::kFloat16) {
    return absl::InvalidArgumentError(absl::StrCat("the gradient of ", table.name, " is ",
                                                   ToAbsl(DTypeName(gradient.dtype)),
                                                   ": push float32, bfloat16 or float16"));
  }
  if (gradient.zeros ? !gradient.values.empty() : gradient.values.size() != table.element_count * element_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the gradient of ", table.name, " has ", gradient.values.size(), " bytes, its ", table.element_count,
        " elements of ", ToAbsl(DTypeName(gradient.dtype)), " have ", table.element_count * element_bytes));
  }
  const ShardMap::Range range = map.ShardsOfTable(gradient.table);
  if (!gradient.versions.empty() && gradient.versions.size() != range.end - range.begin) {
    return absl::InvalidArgumentError(absl::StrCat(table.name, " has ", range.end - range.begin, " shards, but ",
                                                   gradient.versions.size(), " versions were given"));
  }
  OpenOperation::GradientState& state = operation->gradients.emplace_back();
  state.gradient = gradient;
  state.has_versions = !gradient.versions.empty();
  state.gradient.versions = {};
  if (options_.send_table_norms && range.end - range.begin > 1) {
    state.has_norm = true;
    state.norm =
        gradient.norm.has_value()
            ? *gradient.norm
            : (gradient.zeros
                   ? 0
                   : std::sqrt(BestKernels().SquaredNorm(gradient.values.data(), gradient.dtype, table.element_count)));
  }
  for (ShardId shard = range.begin; shard < range.end; ++shard) {
    const ShardPlacement& placement = map.shards()[shard];
    ShardPush& push = operation->pushes.emplace_back();
    push.operation = operation;
    push.shard = shard;
    push.priority = operation->options.priority + gradient.priority;
    push.is_push = true;
    push.gradient = operation->gradients.size() - 1;
    push.first_byte = placement.first_element * element_bytes;
    push.element_count = placement.element_count;
    push.total_bytes = placement.element_count * element_bytes;
    push.outcome = operation->mutable_result().pushes.size();
    if (!gradient.versions.empty()) push.version_pulled = gradient.versions[shard - range.begin];
    operation->mutable_result().pushes.push_back({shard});
  }
  return absl::OkStatus();
}

absl::Status ClientCore::PrepareTarget(const ShardMap& map, const Target& target, OpenOperation* operation) const {
  if (target.table >= map.tables().size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no table ", target.table, ": the job has ", map.tables().size()));
  }
  const TableSpec& table = map.tables()[target.table];
  if (target.sink == nullptr ? target.memory.size() != table.bytes() : !target.memory.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the weights of ", table.name, " are ", table.bytes(),
                                                   " bytes: give memory of that size, or a sink; the memory has ",
                                                   target.memory.size()));
  }
  const ShardMap::Range range = map.ShardsOfTable(target.table);
  OpenOperation::TargetState& state = operation->targets.emplace_back();
  state.target = target;
  state.versions.resize(range.end - range.begin);
  for (ShardId shard = range.begin; shard < range.end; ++shard) {
    const ShardPlacement& placement = map.shards()[shard];
    ShardPull& pull = operation->pulls.emplace_back();
    pull.operation = operation;
    pull.shard = shard;
    pull.priority = operation->options.priority + target.priority;
    pull.target = operation->targets.size() - 1;
    pull.first_byte = placement.first_element * DTypeSize(table.dtype);
    pull.total_bytes = map.BytesOf(placement);
    pull.index = shard - range.begin;
  }
  return absl::OkStatus();
}

absl::Status ClientCore::Prepare(OpenOperation* operation, absl::Span<const Gradient> gradients,
                                 absl::Span<const Target> targets) const {
  const std::shared_ptr<const ShardMap> map = shard_map();
  size_t pushes = 0;
  size_t pulls = 0;
  const auto shards_of = [&](TableIndex table) -> size_t {
    if (table >= map->tables().size()) return 0;
    const ShardMap::Range range = map->ShardsOfTable(table);
    return range.end - range.begin;
  };
  for (const Gradient& gradient : gradients) pushes += shards_of(gradient.table);
  for (const Target& target : targets) pulls += shards_of(target.table);
  operation->pushes.reserve(pushes);
  operation->mutable_result().pushes.reserve(pushes);
  operation->pulls.reserve(pulls);
  for (const Gradient& gradient : gradients) {
    DP_RETURN_IF_ERROR(PrepareGradient(*map, gradient, operation));
  }
  absl::flat_hash_set<TableIndex> tables;
  for (const Target& target : targets) {
    DP_RETURN_IF_ERROR(PrepareTarget(*map, target, operation));
    if (!tables.insert(target.table).second) {
      return absl::InvalidArgumentError(absl::StrCat("one pull names table ", target.table, " twice"));
    }
  }
  LinkPulls(operation);
  return absl::OkStatus();
}

// A pull of a shard that the same operation pushes to comes after the last of those pushes.
void ClientCore::LinkPulls(OpenOperation* operation) {
  if (operation->pushes.empty() || operation->pulls.empty()) return;
  absl::flat_hash_map<ShardId, ShardPush*> last;
  for (ShardPush& push : operation->pushes) last[push.shard] = &push;
  for (ShardPull& pull : operation->pulls) {
    const auto found = last.find(pull.shard);
    if (found != last.end()) found->second->then = &pull;
  }
}

OperationHandle ClientCore::Submit(absl::Span<const Gradient> gradients, absl::Span<const Target> targets,
                                   OperationOptions options) {
  auto operation = std::make_shared<OpenOperation>();
  operation->set_done(std::move(options.done));
  operation->options = std::move(options);
  absl::Status prepared = Prepare(operation.get(), gradients, targets);
  if (operation->options.timeout <= absl::ZeroDuration()) operation->options.timeout = options_.operation_timeout;
  operation->deadline = Now() + operation->options.timeout;

  Effects effects;
  {
    MutexLock lock(&mutex_);
    operation->ticket = next_ticket_++;
    operations_.emplace(operation->ticket, operation);
    ++open_;
    if (prepared.ok()) prepared = status_;
    if (!prepared.ok()) {
      Settle(operation.get(), std::move(prepared), &effects);
    } else {
      Begin(operation.get(), &effects);
    }
  }
  Run(std::move(effects));
  return operation;
}

void ClientCore::Begin(OpenOperation* operation, Effects* effects) {
  operation->unanswered = operation->pushes.size() + operation->pulls.size();
  if (operation->unanswered == 0) return Settle(operation, absl::OkStatus(), effects);
  if (operation->deadline < next_deadline_) {
    next_deadline_ = operation->deadline;
    NoteTime(next_deadline_);
  }
  if (!operation->pushes.empty()) reported_clock_ = std::max(reported_clock_, operation->options.clock);
  for (ShardPush& push : operation->pushes) {
    if (!operation->gradients[push.gradient].has_versions) push.version_pulled = versions_pulled_[push.shard];
    push.order = next_order_++;
    if (numbers_[push.shard].Begin(&push)) Enqueue(&push, effects);
  }
  for (ShardPull& pull : operation->pulls) pull.order = next_order_++;
  absl::flat_hash_set<const ShardPull*> after;
  if (!operation->pulls.empty()) {
    for (const ShardPush& push : operation->pushes) after.insert(push.then);
  }
  for (ShardPull& pull : operation->pulls) {
    if (!after.contains(&pull)) Enqueue(&pull, effects);
  }
}

// ---- Requests on their way

void ClientCore::Enqueue(ShardRequest* request, Effects* effects) {
  const auto found = servers_.find(map_->shards()[request->shard].server);
  if (found == servers_.end()) {  // a new map's server whose carrier is not there: another map has to come
    request->server = nullptr;
    request->state = RequestState::kAwaitsMap;
    awaiting_map_.insert(request);
    return;
  }
  ServerState* const server = found->second.get();
  request->server = server;
  request->state = RequestState::kQueued;
  (request->is_push ? server->pushes : server->pulls).Add(request);
  if (server->ready && server->link != nullptr && (effects->wakes.empty() || effects->wakes.back() != server->link)) {
    effects->wakes.push_back(server->link);
  }
}

void ClientCore::EnqueueBegun(const std::vector<ShardPush*>& begun, Effects* effects) {
  for (ShardPush* push : begun) Enqueue(push, effects);
}

void ClientCore::Detach(ShardRequest* request) {
  switch (request->state) {
    case RequestState::kQueued:
      (request->is_push ? request->server->pushes : request->server->pulls).Erase(request);
      break;
    case RequestState::kSent:
    case RequestState::kHeld:
      request->server->sent.erase(request);
      if (!request->is_push) {
        request->server->asked -= static_cast<ShardPull*>(request)->total_bytes;
        asked_.erase({request->operation->ticket, request->shard});
      }
      break;
    case RequestState::kDelayed:
      for (auto at = delayed_.begin(); at != delayed_.end(); ++at) {
        if (at->second != request) continue;
        delayed_.erase(at);
        break;
      }
      break;
    case RequestState::kAwaitsMap:
      awaiting_map_.erase(request);
      break;
    case RequestState::kBlocked:
    case RequestState::kDone:
      break;
  }
  if (request->is_push) {
    ShardPush* const push = static_cast<ShardPush*>(request);
    ReleaseInFlight(push);
    push->offset = 0;
  }
}

void ClientCore::Finish(ShardRequest* request, Effects* effects) {
  if (request->state == RequestState::kDone) return;
  Detach(request);
  request->state = RequestState::kDone;
  if (request->is_push) EnqueueBegun(numbers_[request->shard].End(static_cast<ShardPush*>(request)), effects);
  OpenOperation* const operation = request->operation;
  if (--operation->unanswered > 0) return;
  if (!operation->settled) return Settle(operation, absl::OkStatus(), effects);
  AnnounceIfIdle(operation, effects);
}

// ---- The end of operations

void ClientCore::Settle(OpenOperation* operation, absl::Status status, Effects* effects) {
  if (operation->settled) return;
  operation->settled = true;
  OperationResult& result = operation->mutable_result();
  result.status = std::move(status);
  if (!result.status.ok() && first_error_.ok()) first_error_ = result.status;
  if (result.status.ok()) {
    bool first = true;
    for (const ShardPull& pull : operation->pulls) {
      OpenOperation::TargetState& target = operation->targets[pull.target];
      target.versions[pull.index] = pull.version;
      versions_pulled_[pull.shard] = pull.version;
      result.clock = first ? pull.clock : std::min(result.clock, pull.clock);
      first = false;
    }
    result.pulled.reserve(operation->targets.size());
    for (OpenOperation::TargetState& target : operation->targets) {
      result.pulled.push_back({target.target.table, std::move(target.versions)});
    }
  }
  AnnounceIfIdle(operation, effects);
}

// Announces what is settled, and forgets what nothing refers to any more.
void ClientCore::AnnounceIfIdle(OpenOperation* operation, Effects* effects) {
  if (operation->copying > 0) return;
  const auto found = operations_.find(operation->ticket);
  if (!operation->announced) {
    operation->announced = true;
    effects->announced.push_back(found->second);
  }
  if (operation->unanswered == 0) operations_.erase(found);
}

void ClientCore::Fail(OpenOperation* operation, absl::Status status, Effects* effects) {
  // Not forgotten while its requests are being finished.
  const std::shared_ptr<OpenOperation> alive = operations_.find(operation->ticket)->second;
  Settle(operation, std::move(status), effects);
  for (ShardPull& pull : operation->pulls) Finish(&pull, effects);
  for (ShardPush& push : operation->pushes) {
    const bool on_stream = push.state == RequestState::kSent || push.state == RequestState::kHeld ||
                           (push.state == RequestState::kQueued && push.offset > 0);
    if (on_stream) {
      push.orphaned = true;
    } else {
      Finish(&push, effects);
    }
  }
}

void ClientCore::EndAll(absl::Status status, Effects* effects) {
  status_ = status;
  for (auto& [id, server] : servers_) {
    server->pushes.Clear();
    server->pulls.Clear();
    server->sent.clear();
    server->asked = 0;
    server->joined = false;
    GiveUpStream(server.get(), absl::CancelledError("the client has ended"), effects);
    server->connect_at.reset();
  }
  asked_.clear();
  delayed_.clear();
  awaiting_map_.clear();
  for (ShardNumbers& numbers : numbers_) numbers.Restart();
  std::vector<std::shared_ptr<OpenOperation>> open;
  open.reserve(operations_.size());
  for (auto& [ticket, operation] : operations_) open.push_back(operation);
  for (const std::shared_ptr<OpenOperation>& operation : open) {
    for (ShardPush& push : operation->pushes) push.state = RequestState::kDone;
    for (ShardPull& pull : operation->pulls) pull.state = RequestState::kDone;
    operation->unanswered = 0;
    if (operation->settled) {
      AnnounceIfIdle(operation.get(), effects);
    } else {
      Settle(operation.get(), status, effects);
    }
  }
}

void ClientCore::Run(Effects effects) {
  for (const std::shared_ptr<OpenOperation>& operation : effects.announced) operation->Announce();
  if (!effects.announced.empty()) {
    MutexLock lock(&mutex_);
    open_ -= effects.announced.size();
    if (open_ == 0) flushed_.SignalAll();
  }
  for (auto& [link, status] : effects.finished) link->Finish(status);
  for (auto& [server, stream] : effects.connects) {
    std::shared_ptr<ExchangeLink> link = server->carrier->Connect(stream);
    bool given_up = false;
    {
      MutexLock lock(&mutex_);
      given_up = server->stream != stream;
      if (!given_up) server->link = link;
    }
    if (given_up) {
      link->Finish(absl::CancelledError("the client has given up this stream"));
    } else {
      link->Wake();
    }
  }
  for (const std::shared_ptr<ExchangeLink>& link : effects.wakes) link->Wake();
}

absl::Status ClientCore::Flush() {
  MutexLock lock(&mutex_);
  while (open_ > 0) flushed_.Wait(&mutex_);
  return std::exchange(first_error_, absl::OkStatus());
}

// ---- What is known

void ClientCore::ReportClock(uint64_t clock) {
  MutexLock lock(&mutex_);
  reported_clock_ = std::max(reported_clock_, clock);
}

uint64_t ClientCore::clock() const {
  MutexLock lock(&mutex_);
  return join_clock_;
}

uint64_t ClientCore::incarnation() const {
  MutexLock lock(&mutex_);
  return incarnation_;
}

std::shared_ptr<const ShardMap> ClientCore::shard_map() const {
  MutexLock lock(&mutex_);
  return map_;
}

PsClientCounters ClientCore::counters() const {
  MutexLock lock(&mutex_);
  return counters_;
}

absl::Status ClientCore::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

}  // namespace downpour
