#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/rpc/limits.h"
#include "common/sharding/cut.h"
#include "worker/client/client_core.h"
#include "worker/client/server_stream.h"

namespace downpour {
namespace {

// Of a wait for a server: a short one is not worth a line.
constexpr absl::Duration kAskedAtLeastEvery = absl::Seconds(1);
constexpr absl::Duration kSilentWait = absl::Seconds(1);
constexpr absl::Duration kToldEvery = absl::Seconds(5);
constexpr absl::Duration kGiveUpAskedEvery = absl::Milliseconds(100);

wire::VersionRange OurVersions() {
  wire::VersionRange versions;
  versions.set_version(kProtocolVersion);
  versions.set_version_min(kProtocolVersionMin);
  return versions;
}

}  // namespace

bool IsPassing(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable || status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

absl::StatusOr<ServerState*> ClientCore::GetServer(ServerId id) {
  {
    MutexLock lock(&mutex_);
    const auto found = servers_.find(id);
    if (found != servers_.end()) return found->second.get();
  }
  absl::StatusOr<std::unique_ptr<Carrier>> carrier = carriers_(id);
  if (!carrier.ok()) return Annotate(carrier.status(), absl::StrCat("the way to server/", id));
  MutexLock lock(&mutex_);
  if (closing_) return absl::CancelledError("the client was closed");
  std::unique_ptr<ServerState>& server = servers_[id];
  if (server == nullptr) {
    server = std::make_unique<ServerState>(id, *std::move(carrier), options_);
    server->keeper = std::thread([this, state = server.get()] { KeeperLoop(state); });
  }
  return server.get();
}

// Until it answers with something that is not a passing trouble. Whoever starts before the servers sees what it waits
// for.
template <typename Call>
std::invoke_result_t<Call&> ClientCore::Retry(const ServerState& server, absl::Duration give_up_at, Call call) {
  BackoffOptions pace = options_.backoff;
  pace.longest = std::min(pace.longest, kAskedAtLeastEvery);
  Backoff backoff(pace, options_.seed, (uint64_t{1} << 32) + server.id);
  const absl::Duration began = Now();
  absl::Duration tell_at = began + kSilentWait;
  while (true) {
    auto answer = call();
    // NOT_FOUND: another worker creates the job.
    if (answer.ok() || !(IsPassing(answer.status()) || answer.status().code() == absl::StatusCode::kNotFound)) {
      return answer;
    }
    const absl::Duration now = Now();
    const absl::Duration again = now + backoff.Next();
    if (now >= tell_at) {
      tell_at = now + kToldEvery;
      DP_LOG(INFO) << "waiting for " << NameOf(server) << ", " << absl::ToInt64Seconds(now - began) << " s of "
                   << absl::ToInt64Seconds(absl::Ceil(give_up_at - began, absl::Seconds(1)))
                   << " s: " << answer.status().message();
    }
    if (again >= give_up_at) return answer;
    while (Now() < again) {
      if (options_.give_up != nullptr && options_.give_up()) {
        return absl::CancelledError(absl::StrCat("given up while waiting for ", NameOf(server)));
      }
      MutexLock lock(&mutex_);
      if (closing_) return answer;
      timer_wake_.WaitFor(&mutex_, std::min(again - Now(), kGiveUpAskedEvery));
    }
  }
}

absl::Status ClientCore::CreateJob(absl::Duration give_up_at) {
  for (const ServerId id : options_.servers) {
    DP_ASSIGN_OR_RETURN(ServerState* const server, GetServer(id));
    const auto create = [&] { return server->carrier->control().CreateJob(*options_.job, options_.join_timeout); };
    const absl::StatusOr<wire::CreateJobResponse> answer = Retry(*server, give_up_at, create);
    if (!answer.ok()) return Annotate(answer.status(), absl::StrCat("creating the job at ", NameOf(*server)));
    MutexLock lock(&mutex_);
    server->incarnation = answer->server_incarnation();
  }
  return absl::OkStatus();
}

absl::StatusOr<ClientCore::Joined> ClientCore::JoinOne(ServerState* server, uint64_t incarnation, uint64_t clock) {
  wire::JoinRequest request;
  *request.mutable_versions() = OurVersions();
  request.set_job_fingerprint(options_.job_fingerprint);
  request.set_worker(options_.worker);
  request.set_incarnation(incarnation);
  request.set_clock(clock);
  request.set_status_address(options_.status_address);
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, other] : servers_) {
      if (other->carrier->name() == "memory") continue;  // nobody else can go that way
      (*request.mutable_server_addresses())[id] = other->carrier->address();
    }
  }
  absl::StatusOr<wire::JoinResponse> answer = server->carrier->control().Join(request, options_.control_timeout);
  if (!answer.ok()) return Annotate(answer.status(), absl::StrCat("joining at ", NameOf(*server)));
  absl::StatusOr<ShardMap> map = ShardMap::FromProto(answer->shard_map());
  if (!map.ok()) return Annotate(map.status(), absl::StrCat("the shard map of ", NameOf(*server)));
  if (answer->incarnation() == 0 || (incarnation != 0 && answer->incarnation() != incarnation)) {
    return absl::InternalError(absl::StrCat(NameOf(*server), " answered a join as incarnation ", incarnation,
                                            " with incarnation ", answer->incarnation()));
  }
  Joined joined{answer->incarnation(), answer->clock(), answer->server_incarnation(),
                std::make_shared<const ShardMap>(*std::move(map)), std::nullopt};
  if (answer->heartbeat_period_ms() > 0) joined.heartbeat_period = absl::Milliseconds(answer->heartbeat_period_ms());
  return joined;
}

absl::Status ClientCore::JoinAll(absl::Duration give_up_at) {
  if (options_.servers.empty()) return absl::InvalidArgumentError("no servers are named");
  // The first says who we are and who else there is.
  std::vector<ServerId> ids = {options_.servers.front()};
  std::map<ServerId, Joined> answers;
  uint64_t incarnation = 0;
  uint64_t clock = 0;
  {
    MutexLock lock(&mutex_);
    clock = reported_clock_;
  }
  std::shared_ptr<const ShardMap> map;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (answers.contains(ids[i])) continue;
    DP_ASSIGN_OR_RETURN(ServerState* const server, GetServer(ids[i]));
    DP_ASSIGN_OR_RETURN(Joined joined, Retry(*server, give_up_at, [&] { return JoinOne(server, incarnation, clock); }));
    incarnation = joined.incarnation;
    // Each is told the smallest of those before it.
    clock = answers.empty() ? joined.clock : std::min(clock, joined.clock);
    if (map == nullptr || joined.map->epoch() > map->epoch()) {
      map = joined.map;
      ids.insert(ids.end(), map->servers().begin(), map->servers().end());
    }
    answers.emplace(ids[i], std::move(joined));
  }

  Effects effects;
  absl::Status result;
  {
    MutexLock lock(&mutex_);
    if (closing_) return absl::CancelledError("the client was closed");
    if (map_ != nullptr) DP_RETURN_IF_ERROR(CheckMap(*map));
    for (auto& [id, joined] : answers) {
      ServerState* const server = servers_.find(id)->second.get();
      if (joined.heartbeat_period.has_value()) {
        heartbeat_period_ = std::min(heartbeat_period_, *joined.heartbeat_period);
      }
      if (server->incarnation != 0 && server->incarnation != joined.server_incarnation && map_ != nullptr) {
        OnRestarted(*server, &effects);
      }
      server->incarnation = joined.server_incarnation;
      server->joined = true;
      server->heard = Now();
    }
    result = final_ ? status_ : absl::OkStatus();
    if (result.ok()) {
      status_ = absl::OkStatus();
      incarnation_ = incarnation;
      join_clock_ = clock;
      reported_clock_ = clock;
      if (map_ == nullptr) {
        numbers_.resize(map->shards().size());
        versions_pulled_.resize(map->shards().size());
      }
      if (map_ == nullptr || map->epoch() > map_->epoch()) map_ = map;
      for (auto& [id, joined] : answers) {
        ServerState* const server = servers_.find(id)->second.get();
        ConnectIfUseful(server, &effects);
        server->keeper_wake.SignalAll();  // by the period that the servers want
      }
    }
  }
  Run(std::move(effects));
  return result;
}

absl::Status ClientCore::Start() {
  timer_ = std::thread([this] { TimerLoop(); });
  MutexLock lock(&join_mutex_);
  const absl::Duration give_up_at = Now() + options_.join_timeout;
  if (options_.job.has_value()) DP_RETURN_IF_ERROR(CreateJob(give_up_at));
  return JoinAll(give_up_at);
}

absl::StatusOr<uint64_t> ClientCore::Rejoin() {
  MutexLock joining(&join_mutex_);
  {
    MutexLock lock(&mutex_);
    if (final_) return status_;
    if (status_.ok()) return join_clock_;
  }
  DP_RETURN_IF_ERROR(JoinAll(Now() + options_.join_timeout));
  return clock();
}

absl::Status ClientCore::Leave() {
  absl::Status result = Flush();
  wire::LeaveRequest request;
  request.set_job_fingerprint(options_.job_fingerprint);
  request.set_worker(options_.worker);
  Effects effects;
  std::vector<ServerState*> servers;
  {
    MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    request.set_incarnation(incarnation_);
    for (auto& [id, server] : servers_) {
      if (server->joined) servers.push_back(server.get());
    }
    final_ = true;
    EndAll(absl::CancelledError("this worker has left the job"), &effects);
  }
  Run(std::move(effects));
  for (ServerState* server : servers) {
    const absl::Status left = server->carrier->control().Leave(request, options_.control_timeout).status();
    if (!left.ok() && result.ok()) result = Annotate(left, absl::StrCat("leaving ", NameOf(*server)));
  }
  return result;
}

void ClientCore::Close() {
  Effects effects;
  {
    MutexLock lock(&mutex_);
    closing_ = true;
    final_ = true;
    EndAll(absl::CancelledError("the client was closed"), &effects);
    timer_wake_.SignalAll();
    for (auto& [id, server] : servers_) server->keeper_wake.SignalAll();
  }
  Run(std::move(effects));
  std::vector<std::thread*> keepers;
  {
    MutexLock lock(&mutex_);
    for (auto& [id, server] : servers_) keepers.push_back(&server->keeper);
  }
  for (std::thread* keeper : keepers) keeper->join();
  if (timer_.joinable()) timer_.join();
  // Carriers end here and not with the core, which may go on a carrier's own thread.
  std::map<ServerId, std::unique_ptr<ServerState>> servers;
  MutexLock lock(&mutex_);
  while (open_streams_ > 0) streams_closed_.Wait(&mutex_);
  servers.swap(servers_);
}

// ---- Newer shard maps

absl::Status ClientCore::CheckMap(const ShardMap& map) const {
  if (CutsAlike(map, *map_)) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the shard map of epoch ", map.epoch(),
                                          " cuts the tables otherwise than that of epoch ", map_->epoch(),
                                          ": within a job shards may only move"));
}

void ClientCore::InstallMap(std::shared_ptr<const ShardMap> map, Effects* effects) {
  ++counters_.maps;
  map_ = std::move(map);
  // What waits for another server than before goes there; what is half sent is answered where it is.
  std::vector<ShardRequest*> moved(awaiting_map_.begin(), awaiting_map_.end());
  awaiting_map_.clear();
  for (auto& [id, server] : servers_) {
    for (SendQueue* queue : {&server->pushes, &server->pulls}) {
      std::vector<ShardRequest*> gone;
      for (ShardRequest* request : queue->requests()) {
        const bool half_sent = request->is_push && static_cast<ShardPush*>(request)->offset > 0;
        if (map_->shards()[request->shard].server != id && !half_sent) gone.push_back(request);
      }
      for (ShardRequest* request : gone) queue->Erase(request);
      moved.insert(moved.end(), gone.begin(), gone.end());
    }
  }
  for (ShardRequest* request : moved) Enqueue(request, effects);
}

void ClientCore::AwaitMap(ShardRequest* request, ServerState* server) {
  Detach(request);
  request->state = RequestState::kAwaitsMap;
  awaiting_map_.insert(request);
  server->join_wanted = true;
  server->keeper_wake.SignalAll();
}

// ---- The keeper of one server

void ClientCore::KeeperLoop(ServerState* server) {
  // Each a little apart from the others.
  Backoff jitter({absl::Seconds(1), absl::Seconds(1), 1, 0.1}, options_.seed, (uint64_t{2} << 32) + server->id);
  mutex_.Lock();
  absl::Duration period = heartbeat_period_;
  const auto next_beat = [&] { return Now() + period * absl::ToDoubleSeconds(jitter.Next()); };
  absl::Duration beat_at = next_beat();
  while (!closing_) {
    if (period != heartbeat_period_) {
      period = heartbeat_period_;
      beat_at = next_beat();
    }
    if (status_.ok() && server->join_wanted && map_ != nullptr) {
      KeepJoined(server);
    } else if (status_.ok() && server->joined && Now() >= beat_at) {
      beat_at = next_beat();
      Beat(server);
    } else if (Now() >= beat_at) {
      beat_at = next_beat();
    } else {
      server->keeper_wake.WaitFor(&mutex_, beat_at - Now());
    }
  }
  mutex_.Unlock();
}

void ClientCore::KeepJoined(ServerState* server) {
  server->join_wanted = false;
  const uint64_t incarnation = incarnation_;
  const uint64_t clock = reported_clock_;
  mutex_.Unlock();
  absl::StatusOr<Joined> joined = JoinOne(server, incarnation, clock);
  // Ways to servers that are new in the map, before it is gone by.
  absl::Status ways;
  std::vector<ServerState*> servers;
  if (joined.ok()) {
    for (const ServerId id : joined->map->servers()) {
      const absl::StatusOr<ServerState*> way = GetServer(id);
      if (way.ok()) servers.push_back(*way);
      if (!way.ok()) ways = way.status();
    }
  }
  mutex_.Lock();
  if (closing_ || !status_.ok() || incarnation != incarnation_) return;

  Effects effects;
  absl::Status fault = joined.ok() ? CheckMap(*joined->map) : joined.status();
  if (fault.ok()) fault = ways;
  if (joined.ok() && server->incarnation != 0 && joined->server_incarnation != server->incarnation) {
    OnRestarted(*server, &effects);
  } else if (fault.ok()) {
    server->incarnation = joined->server_incarnation;
    server->joined = true;
    if (joined->map->epoch() > map_->epoch()) InstallMap(joined->map, &effects);
    for (ServerState* other : servers) {
      if (!other->joined && !other->join_wanted) {
        other->join_wanted = true;
        other->keeper_wake.SignalAll();
      }
    }
    ConnectIfUseful(server, &effects);
  } else {
    DP_LOG_EVERY(WARNING, absl::Seconds(10)) << "fetching the shard map: " << fault;
    server->trouble = fault;
    if (!server->joined) {
      // A server that is new in the map: tried until it has been joined.
      server->keeper_wake.WaitFor(&mutex_, server->backoff.Next());
      server->join_wanted = true;
    }
  }
  // What was refused for its map and finds no newer one is tried again, but not at once: so is the fetching.
  if (!awaiting_map_.empty()) {
    for (ShardRequest* request : awaiting_map_) {
      request->server = server;
      const absl::Duration at = Now() + server->backoff.Next();
      request->state = RequestState::kDelayed;
      delayed_.emplace(at, request);
      NoteTime(at);
    }
    awaiting_map_.clear();
  }
  if (!IsPassing(fault) && !joined.ok()) AskWhy(server, fault, &effects);
  mutex_.Unlock();
  Run(std::move(effects));
  mutex_.Lock();
}

void ClientCore::AskWhy(ServerState* server, const absl::Status& status, Effects* effects) {
  GiveUpStream(server, absl::CancelledError("to be told on a new stream what is wrong"), effects);
  server->trouble = status;
  ConnectIfUseful(server, effects);
}

void ClientCore::Beat(ServerState* server) {
  wire::HeartbeatRequest request;
  request.set_job_fingerprint(options_.job_fingerprint);
  request.set_worker(options_.worker);
  request.set_incarnation(incarnation_);
  request.set_clock(reported_clock_);
  const bool tells_load = options_.describe_load != nullptr && server->id == options_.servers.front();
  if (tells_load) DescribeLinks(request.mutable_load());
  mutex_.Unlock();
  if (tells_load) options_.describe_load(request.mutable_load());
  const absl::Duration sent = Now();
  const absl::StatusOr<wire::HeartbeatResponse> answer =
      server->carrier->control().Heartbeat(request, options_.control_timeout);
  mutex_.Lock();
  if (answer.ok()) {
    server->heard = Now();
    CountRoundTrip(server, server->heard - sent);
  }
  if (closing_ || !status_.ok() || request.incarnation() != incarnation_) return;

  Effects effects;
  if (answer.ok()) {
    if (answer->server_incarnation() != server->incarnation) {
      OnRestarted(*server, &effects);
    } else if (answer->epoch() > map_->epoch()) {
      server->join_wanted = true;
    }
  } else if (answer.status().code() == absl::StatusCode::kAborted ||
             answer.status().code() == absl::StatusCode::kFailedPrecondition ||
             answer.status().code() == absl::StatusCode::kNotFound) {
    AskWhy(server, answer.status(), &effects);
  } else if (IsPassing(answer.status())) {
    OnSilence(server, answer.status(), &effects);
  } else {
    DP_LOG_EVERY(WARNING, absl::Seconds(10)) << "heartbeat to " << NameOf(*server) << ": " << answer.status();
  }
  mutex_.Unlock();
  Run(std::move(effects));
  mutex_.Lock();
}

void ClientCore::OnSilence(ServerState* server, const absl::Status& status, Effects* effects) {
  const absl::Duration silence = Now() - server->heard;
  if (silence > kSilentWait) {
    DP_LOG_EVERY(WARNING, kToldEvery) << "no answer from " << NameOf(*server) << " for "
                                      << absl::ToInt64Seconds(silence) << " s: " << status.message();
  }
  // Who wants to end does not wait for what may never come.
  if (options_.give_up != nullptr && options_.give_up() && !final_) {
    final_ = true;
    EndAll(absl::CancelledError(absl::StrCat("stopped while ", NameOf(*server), " did not answer")), effects);
  }
}

// ---- What ends everything

void ClientCore::OnRestarted(const ServerState& server, Effects* effects) {
  if (final_) return;
  final_ = true;
  DP_LOG(ERROR) << NameOf(server) << " has started again and lost its weights";
  EndAll(absl::DataLossError(
             absl::StrCat(NameOf(server),
                          " has started again since this worker joined, and has lost its weights; start the job "
                          "again, from a checkpoint if there is one")),
         effects);
}

void ClientCore::OnGivenUp(const ServerState& server, std::string_view message, Effects* effects) {
  if (!status_.ok()) return;
  DP_LOG(WARNING) << NameOf(server) << " has given this worker up: " << message;
  EndAll(absl::AbortedError(absl::StrCat(NameOf(server), " does not count worker ", options_.worker,
                                         " in any more: what was not acknowledged is dropped; join again and pull (",
                                         ToAbsl(message), ")")),
         effects);
}

void ClientCore::OnFenced(const ServerState& server, std::string_view message, Effects* effects) {
  if (final_) return;
  final_ = true;
  DP_LOG(ERROR) << "worker " << options_.worker << " was replaced: " << message;
  EndAll(absl::FailedPreconditionError(
             absl::StrCat("another process has joined as worker ", options_.worker, " at ", NameOf(server),
                          ": this one stops. Two processes must not run under one number (", ToAbsl(message), ")")),
         effects);
}

}  // namespace downpour
