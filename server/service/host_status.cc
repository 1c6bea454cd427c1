// What a JobHost tells of itself, and what a person may have it do: proto/status.proto.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/cluster/task_name.h"
#include "common/rpc/task_status.h"
#include "proto/data_plane.pb.h"
#include "server/service/job_host.h"

namespace downpour {
namespace {

wire::WorkerStatus::State StateOf(const Membership::Member& member, absl::Duration silent,
                                  absl::Duration suspect_after) {
  if (!member.live) return member.dead ? wire::WorkerStatus::DEAD : wire::WorkerStatus::LEFT;
  return silent > suspect_after ? wire::WorkerStatus::SUSPECT : wire::WorkerStatus::LIVE;
}

// "EPOCH_STALE" as "epoch_stale".
std::string ReasonName(int reason) {
  std::string name = wire::Refusal::Reason_IsValid(reason)
                         ? wire::Refusal::Reason_Name(static_cast<wire::Refusal::Reason>(reason))
                         : "other";
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return name;
}

void DescribeStreams(const Sessions& sessions, wire::WorkerStatus* worker) {
  const Sessions::Seen seen = sessions.See(worker->worker());
  worker->set_peer(seen.peer);
  if (seen.tally == nullptr) return;
  worker->set_bytes_received(seen.tally->bytes_received.load(std::memory_order_relaxed));
  worker->set_bytes_sent(seen.tally->bytes_sent.load(std::memory_order_relaxed));
  for (size_t reason = 0; reason < StreamTally::kReasons; ++reason) {
    const uint64_t count = seen.tally->refusals[reason].load(std::memory_order_relaxed);
    if (count > 0) (*worker->mutable_refusals())[ReasonName(static_cast<int>(reason))] = count;
  }
}

// What all workers together come to.
void AddUp(const wire::StatusReport& report, wire::RunStatus* run) {
  double rate = 0;
  double loss = 0;
  int losses = 0;
  for (const wire::WorkerStatus& worker : report.workers()) {
    const bool lives = worker.state() == wire::WorkerStatus::LIVE || worker.state() == wire::WorkerStatus::SUSPECT;
    if (!lives) continue;
    rate += worker.load().examples_per_second();
    if (!worker.load().has_loss()) continue;
    loss += worker.load().loss();
    ++losses;
  }
  run->set_examples_per_second(rate);
  if (losses > 0) run->set_loss(loss / losses);
}

}  // namespace

void JobHost::SetAddress(std::string address) {
  MutexLock lock(&status_mutex_);
  own_address_ = std::move(address);
}

void JobHost::KnowTask(const std::string& task, std::string address) {
  MutexLock lock(&status_mutex_);
  addresses_[task] = std::move(address);
}

void JobHost::NoteAddresses(const wire::JoinRequest& request) {
  MutexLock lock(&status_mutex_);
  const auto note = [&](const std::string& task, const std::string& address) DP_NO_THREAD_SAFETY_ANALYSIS {
    // What the owner has said holds; what strangers say is bounded.
    if (address.empty() || address.size() > kAddressBytesMax || addresses_.size() > kAddressesMax) return;
    if (!options_.tasks.contains(task)) addresses_[task] = address;
  };
  note(TaskName{TaskRole::kWorker, TaskOfWorker(request.worker())}.ToString(), request.status_address());
  for (const auto& [server, address] : request.server_addresses()) {
    note(TaskName{TaskRole::kServer, server}.ToString(), address);
  }
}

wire::StatusReport JobHost::Describe(const wire::StatusRequest& request) {
  wire::StatusReport report;
  const std::string task = TaskName{TaskRole::kServer, options_.server}.ToString();
  {
    MutexLock lock(&status_mutex_);
    *report.mutable_task() = DescribeTask(task, own_address_);
    std::map<std::string, std::string> tasks = addresses_;
    for (const auto& [name, address] : options_.tasks) tasks[name] = address;
    if (!own_address_.empty()) tasks.emplace(task, own_address_);
    for (const auto& [name, address] : tasks) {
      wire::TaskAddress& known = *report.add_tasks();
      known.set_task(name);
      known.set_address(address);
    }
  }
  report.mutable_task()->set_incarnation(options_.server_incarnation);
  const std::shared_ptr<const Job> job = this->job();
  const bool draining = draining_.load(std::memory_order_acquire);
  report.mutable_task()->set_state(draining         ? wire::TaskStatus::DRAINING
                                   : job == nullptr ? wire::TaskStatus::WAITING
                                                    : wire::TaskStatus::RUNNING);
  if (job == nullptr) {
    report.mutable_task()->set_waiting_for("the first worker, which brings the job");
    return report;
  }
  wire::JobStatus& described = *report.mutable_job();
  const std::shared_ptr<const ShardMap> map = job->map();
  described.set_fingerprint(job->fingerprint());
  described.set_name(job->names().job);
  described.set_policy(job->names().policy);
  described.set_optimizer(job->names().optimizer);
  for (const TableSpec& table : map->tables()) {
    described.set_parameters(described.parameters() + static_cast<uint64_t>(table.element_count));
  }
  described.set_map_epoch(map->epoch());
  for (const ServerId server : map->servers()) described.add_servers(server);

  DescribeWorkers(*job, &report);
  DescribeShards(*job, !request.without_shards(), report.mutable_server());
  if (job->coordinator() != nullptr) {
    wire::RunStatus& run = *report.mutable_run();
    job->coordinator()->Describe(&run);
    run.set_learning_rate(job->optimizer().rate(job->Updates(run.steps())));
    AddUp(report, &run);
    if (run.finished() && !draining) report.mutable_task()->set_state(wire::TaskStatus::FINISHED);
  }
  return report;
}

void JobHost::DescribeWorkers(const Job& job, wire::StatusReport* report) {
  const absl::Duration now = clock_.Now();
  {
    MutexLock lock(&members_mutex_);
    for (const auto& [id, member] : members_->all()) {
      if (member.incarnation == 0) continue;  // it left before it came
      wire::WorkerStatus& worker = *report->add_workers();
      worker.set_worker(id);
      worker.set_name(WorkerName(id));
      worker.set_state(StateOf(member, now - member.heard, options_.heartbeat_timeout));
      worker.set_incarnation(member.incarnation);
      worker.set_clock(member.clock);
      worker.set_silent_seconds(absl::ToDoubleSeconds(now - member.heard));
      worker.set_joined_seconds(absl::ToDoubleSeconds(now - member.joined));
      worker.set_deaths(member.deaths);
      const auto load = loads_.find(id);
      if (load != loads_.end()) *worker.mutable_load() = load->second;
    }
  }
  for (wire::WorkerStatus& worker : *report->mutable_workers()) {
    DescribeStreams(sessions_, &worker);
    if (job.coordinator() != nullptr) worker.set_draining(job.coordinator()->IsDraining(TaskOfWorker(worker.worker())));
  }
}

void JobHost::DescribeShards(const Job& job, bool each, wire::ServerStatus* server) {
  const std::shared_ptr<const ShardMap> map = job.map();
  std::vector<uint64_t> versions;
  StalenessHistogram staleness;
  std::array<uint64_t, kRefusalReasonCount> refusals = {};
  const std::vector<ShardId>& ids = job.own_shards();
  server->set_shard_count(static_cast<uint32_t>(ids.size()));
  if (each) server->mutable_shards()->Reserve(static_cast<int>(ids.size()));
  for (const ShardId id : ids) {
    const ShardCounters counters = job.shard(id)->counters();
    versions.push_back(counters.version);
    const double push_seconds = job.PushSeconds(id);
    server->set_pushes_applied(server->pushes_applied() + counters.pushes_applied);
    server->set_pushes_dropped(server->pushes_dropped() + counters.pushes_dropped);
    server->set_pushes_held(server->pushes_held() + counters.pushes_held);
    server->set_duplicates(server->duplicates() + counters.duplicates);
    server->set_pulls_answered(server->pulls_answered() + counters.pulls_answered);
    server->set_pulls_waiting(server->pulls_waiting() + counters.pulls_waiting);
    server->set_bytes_received(server->bytes_received() + counters.push_bytes);
    server->set_bytes_sent(server->bytes_sent() + counters.pull_bytes);
    server->set_push_seconds(server->push_seconds() + push_seconds);
    for (size_t i = 0; i < staleness.counts.size(); ++i) staleness.counts[i] += counters.staleness.counts[i];
    staleness.sum += counters.staleness.sum;
    for (size_t i = 0; i < refusals.size(); ++i) refusals[i] += counters.refusals[i];
    if (!each) continue;
    const ShardPlacement& placement = map->shards()[id];
    wire::ShardStatus& shard = *server->add_shards();
    shard.set_shard(id);
    shard.set_table(map->tables()[placement.table].name);
    shard.set_begin(placement.first_element);
    shard.set_end(placement.first_element + placement.element_count);
    shard.set_bytes(job.BytesOf(id));
    shard.set_version(counters.version);
    shard.set_pushes_applied(counters.pushes_applied);
    shard.set_pushes_held(static_cast<uint32_t>(counters.pushes_held));
    shard.set_pulls_waiting(static_cast<uint32_t>(counters.pulls_waiting));
    shard.set_push_seconds(push_seconds);
  }
  std::vector<double> rates;
  {
    MutexLock lock(&status_mutex_);
    rates = rates_.Look(clock_.Now(), versions);
  }
  for (size_t i = 0; i < rates.size(); ++i) {
    server->set_updates_per_second(server->updates_per_second() + rates[i]);
    if (each) server->mutable_shards(static_cast<int>(i))->set_updates_per_second(rates[i]);
  }
  uint64_t pushes = 0;
  for (size_t bucket = 0; bucket < staleness.counts.size(); ++bucket) {
    if (staleness.counts[bucket] == 0) continue;
    pushes += staleness.counts[bucket];
    wire::StalenessBucket& told = *server->add_staleness();
    told.set_staleness(StalenessHistogram::LowerBound(bucket));
    told.set_pushes(staleness.counts[bucket]);
  }
  if (pushes > 0) server->set_staleness_mean(static_cast<double>(staleness.sum) / static_cast<double>(pushes));
  for (size_t reason = 1; reason < refusals.size(); ++reason) {
    if (refusals[reason] == 0) continue;
    (*server->mutable_refusals())[std::string(RefusalReasonName(static_cast<RefusalReason>(reason)))] =
        refusals[reason];
  }
  server->set_memory_used(job.pool().statistics().bytes_in_use + job.receive_budget()->taken());
  server->set_memory_max(options_.memory_max);
  server->set_bytes_pending(job.receive_budget()->taken());
  server->set_streams(static_cast<uint32_t>(sessions_.size()));
}

void JobHost::LookAtRates(const Job& job) {
  std::vector<uint64_t> versions;
  for (const ShardId id : job.own_shards()) versions.push_back(job.shard(id)->counters().version);
  MutexLock lock(&status_mutex_);
  rates_.Look(clock_.Now(), versions);
}

// ---- What a person may have it do

absl::StatusOr<std::shared_ptr<const Job>> JobHost::FindCoordinator() const {
  std::shared_ptr<const Job> job = this->job();
  if (job == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("server/", options_.server, " has no job: no worker has come yet"));
  }
  if (job->coordinator() == nullptr) {
    return absl::FailedPreconditionError(job->issues_incarnations() ? "the job has no plan, so nobody coordinates it"
                                                                    : absl::StrCat("server/", options_.server,
                                                                                   " does not coordinate: ask server/",
                                                                                   job->map()->servers().front()));
  }
  return job;
}

absl::StatusOr<wire::StopJobResponse> JobHost::StopJob(const wire::StopJobRequest& request) {
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job, FindCoordinator());
  wire::StopJobResponse response;
  response.set_was_over(job->coordinator()->finished());
  const std::string why = request.why().empty() ? "stopped by request" : request.why().substr(0, kReasonBytesMax);
  DP_LOG(INFO) << "a person stops the job: " << why;
  job->coordinator()->Stop(why, request.evaluate());
  return response;
}

absl::StatusOr<wire::DrainWorkerResponse> JobHost::DrainWorker(const wire::DrainWorkerRequest& request) {
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job, FindCoordinator());
  wire::DrainWorkerResponse response;
  {
    MutexLock lock(&members_mutex_);
    for (const auto& [id, member] : members_->all()) {
      if (member.live && TaskOfWorker(id) == request.task()) response.set_replicas(response.replicas() + 1);
    }
  }
  const std::string task = TaskName{TaskRole::kWorker, request.task()}.ToString();
  if (response.replicas() == 0) return absl::NotFoundError(absl::StrCat(task, " does not take part now"));
  DP_LOG(INFO) << "a person drains " << task;
  job->coordinator()->Drain(request.task());
  return response;
}

absl::StatusOr<wire::ShutdownResponse> JobHost::Shutdown(const wire::ShutdownRequest&) {
  if (options_.shut_down == nullptr) return absl::UnimplementedError("this server ends with its program");
  DP_LOG(INFO) << "a person shuts this server down";
  options_.shut_down();
  return wire::ShutdownResponse();
}

}  // namespace downpour
