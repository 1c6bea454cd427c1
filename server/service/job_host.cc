#include "server/service/job_host.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/cluster/task_name.h"
#include "server/service/fingerprint.h"
#include "server/service/versions.h"

namespace downpour {
namespace {

// So many signs of life are asked for within a heartbeat time-out.
constexpr int kHeartbeatsInTimeout = 4;

// With the sweep that finds it, who falls silent is given up within two.
constexpr double kGivenUpAfterTimeouts = 1.875;

// So often the rates of updates are looked at where nobody asks for them.
constexpr absl::Duration kLookPeriod = absl::Seconds(2);

}  // namespace

JobHost::JobHost(const Options& options)
    : options_(options),
      clock_(options.clock != nullptr ? *options.clock : SteadyClock::Get()),
      last_sweep_(clock_.Now()),
      members_(options_.make_membership != nullptr ? options_.make_membership() : std::make_unique<Members>()) {}

JobHost::~JobHost() = default;

std::shared_ptr<const Job> JobHost::job() const {
  MutexLock lock(&job_mutex_);
  return job_;
}

absl::Status JobHost::CheckServing() const {
  if (!draining_.load(std::memory_order_acquire)) return absl::OkStatus();
  return absl::UnavailableError("the server is shutting down");
}

absl::StatusOr<std::shared_ptr<const Job>> JobHost::FindJob(std::string_view fingerprint) const {
  DP_RETURN_IF_ERROR(CheckFingerprint(fingerprint));
  std::shared_ptr<const Job> found = job();
  if (found == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("server/", options_.server, " has no job (it may have restarted, empty); create it first"));
  }
  if (found->fingerprint() != fingerprint) {
    return absl::FailedPreconditionError(absl::StrCat("server/", options_.server,
                                                      " serves another job: ", FingerprintText(found->fingerprint()),
                                                      "..., not ", FingerprintText(fingerprint), "..."));
  }
  return found;
}

// ---- Control

absl::StatusOr<wire::CreateJobResponse> JobHost::CreateJob(const wire::CreateJobRequest& request, absl::Duration) {
  DP_RETURN_IF_ERROR(CheckServing());
  DP_ASSIGN_OR_RETURN(const uint32_t version,
                      PickVersion(request.versions().version_min(), request.versions().version()));
  DP_RETURN_IF_ERROR(CheckFingerprint(request.job_fingerprint()));
  wire::CreateJobResponse response;
  response.set_version(version);
  response.set_server_incarnation(options_.server_incarnation);

  MutexLock creation(&creation_mutex_);
  std::shared_ptr<Job> there;
  {
    MutexLock lock(&job_mutex_);
    there = job_;
  }
  if (there != nullptr && there->fingerprint() != request.job_fingerprint()) {
    return absl::AlreadyExistsError(absl::StrCat("server/", options_.server, " serves job ",
                                                 FingerprintText(there->fingerprint()), "... already, and this is job ",
                                                 FingerprintText(request.job_fingerprint()),
                                                 "...: stop that one first, or use other servers"));
  }
  if (there == nullptr) {
    const absl::Duration start = clock_.Now();
    DP_ASSIGN_OR_RETURN(
        there, Job::Create(request, {.server = options_.server, .clock = &clock_, .memory_max = options_.memory_max}));
    DP_LOG(INFO) << "created job " << FingerprintText(request.job_fingerprint())
                 << "...: " << there->own_shards().size() << " shards, "
                 << (there->pool().statistics().bytes_in_use >> 20) << " MiB, in " << clock_.Now() - start;
    LookAtRates(*there);
    MutexLock lock(&job_mutex_);
    job_ = there;
    response.set_created(true);
  }
  response.set_epoch(there->map()->epoch());
  return response;
}

absl::StatusOr<wire::JoinResponse> JobHost::Join(const wire::JoinRequest& request, absl::Duration) {
  DP_RETURN_IF_ERROR(CheckServing());
  DP_ASSIGN_OR_RETURN(const uint32_t version,
                      PickVersion(request.versions().version_min(), request.versions().version()));
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job, FindJob(request.job_fingerprint()));
  if (request.incarnation() == 0 && !job->issues_incarnations()) {
    return absl::FailedPreconditionError(absl::StrCat("server/", options_.server,
                                                      " gives no incarnations: join server/",
                                                      job->map()->servers().front(), " first, and bring its number"));
  }

  MutexLock membership(&membership_mutex_);
  uint64_t incarnation = request.incarnation();
  bool retry = false;
  uint64_t clock = 0;
  uint64_t replaced = 0;  // an incarnation of the worker that lived until now
  {
    MutexLock lock(&members_mutex_);
    if (incarnation == 0) incarnation = members_->NextIncarnation(request.worker());
    DP_RETURN_IF_ERROR(members_->CheckJoin(request.worker(), incarnation));
    const Membership::Member* member = members_->Find(request.worker());
    retry = member != nullptr && member->live && member->incarnation == incarnation;
    if (retry) clock = member->join_clock;
    if (!retry && member != nullptr && member->live) replaced = member->incarnation;
  }
  if (job->coordinator() != nullptr) {
    if (replaced != 0) job->coordinator()->Release(request.worker(), replaced);
    if (!retry) job->coordinator()->Joined(request.worker());
  }
  NoteAddresses(request);
  if (!retry) {
    // A worker starts from the smallest clock of all its shards, and of those of other servers that it names.
    clock = request.clock() > 0 ? request.clock() : std::numeric_limits<uint64_t>::max();
    for (const ShardId id : job->own_shards()) clock = std::min(clock, job->shard(id)->JoinClock());
    if (job->own_shards().empty()) clock = request.clock();
    for (const ShardId id : job->own_shards()) {
      MembershipAnswer answer = job->shard(id)->Join(request.worker(), incarnation, clock);
      sessions_.Deliver(id, std::move(answer.completions));
      if (answer.refusal) return answer.refusal.status;  // cannot be: members_ has seen all that the shard has
    }
    DP_LOG(INFO) << WorkerName(request.worker()) << " joined as incarnation " << incarnation << " at clock " << clock;
  }
  {
    MutexLock lock(&members_mutex_);
    members_->Join(request.worker(), incarnation, clock, clock_.Now());
  }
  wire::JoinResponse response;
  response.set_version(version);
  response.set_incarnation(incarnation);
  response.set_clock(clock);
  *response.mutable_shard_map() = job->map()->ToProto();
  response.set_server_incarnation(options_.server_incarnation);
  response.set_heartbeat_period_ms(static_cast<uint32_t>(
      std::max<int64_t>(absl::ToInt64Milliseconds(options_.heartbeat_timeout / kHeartbeatsInTimeout), 1)));
  return response;
}

absl::StatusOr<wire::LeaveResponse> JobHost::Leave(const wire::LeaveRequest& request, absl::Duration) {
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job, FindJob(request.job_fingerprint()));
  MutexLock membership(&membership_mutex_);
  bool left = false;
  {
    MutexLock lock(&members_mutex_);
    left = members_->Leave(request.worker(), request.incarnation());
    if (left) loads_.erase(request.worker());
  }
  if (left) {
    LeaveShards(*job, request.worker(), request.incarnation());
    DP_LOG(INFO) << WorkerName(request.worker()) << " left, incarnation " << request.incarnation();
  }
  return wire::LeaveResponse();
}

absl::StatusOr<wire::HeartbeatResponse> JobHost::Heartbeat(const wire::HeartbeatRequest& request, absl::Duration) {
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job, FindJob(request.job_fingerprint()));
  wire::HeartbeatResponse response;
  response.set_server_incarnation(options_.server_incarnation);
  response.set_epoch(job->map()->epoch());
  MutexLock lock(&members_mutex_);
  const absl::Status status = members_->Heard(request.worker(), request.incarnation(), request.clock(), clock_.Now());
  // Whoever has been replaced hears it here as proto/control.proto has it.
  if (absl::IsAborted(status)) return absl::FailedPreconditionError(status.message());
  DP_RETURN_IF_ERROR(status);
  if (request.has_load() && request.load().ByteSizeLong() <= kLoadBytesMax) loads_[request.worker()] = request.load();
  response.set_clock_min(members_->clock_min());
  return response;
}

absl::StatusOr<std::shared_ptr<const Job>> JobHost::CheckWorker(std::string_view fingerprint, WorkerId worker,
                                                                uint64_t incarnation) {
  DP_ASSIGN_OR_RETURN(std::shared_ptr<const Job> job, FindJob(fingerprint));
  if (job->coordinator() == nullptr) {
    return absl::FailedPreconditionError(
        job->issues_incarnations() ? absl::StrCat("the job has no plan, so there is no work to hand out")
                                   : absl::StrCat("server/", options_.server, " does not coordinate: ask server/",
                                                  job->map()->servers().front()));
  }
  MutexLock lock(&members_mutex_);
  const absl::Status status = members_->Heard(worker, incarnation, std::nullopt, clock_.Now());
  if (absl::IsAborted(status)) return absl::FailedPreconditionError(status.message());
  DP_RETURN_IF_ERROR(status);
  return job;
}

absl::StatusOr<wire::TakeWorkResponse> JobHost::TakeWork(const wire::TakeWorkRequest& request, absl::Duration) {
  DP_RETURN_IF_ERROR(CheckServing());
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job,
                      CheckWorker(request.job_fingerprint(), request.worker(), request.incarnation()));
  size_t workers = 0;
  {
    MutexLock lock(&members_mutex_);
    workers = members_->live_count();
  }
  return job->coordinator()->Take(request, workers);
}

absl::StatusOr<wire::ReportWorkResponse> JobHost::ReportWork(const wire::ReportWorkRequest& request, absl::Duration) {
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job,
                      CheckWorker(request.job_fingerprint(), request.worker(), request.incarnation()));
  DP_ASSIGN_OR_RETURN(wire::ReportWorkResponse response, job->coordinator()->Report(request));
  response.set_learning_rate(job->optimizer().rate(job->Updates(response.steps())));
  return response;
}

// ---- ExchangeHost

absl::StatusOr<std::unique_ptr<ServerEnd>> JobHost::Open(const ExchangePeer& peer, const ExchangeLimits& limits,
                                                         ExchangeLink* link) {
  DP_RETURN_IF_ERROR(CheckServing());
  SessionHost* const host = this;  // a private base, which make_unique would not see
  return std::make_unique<Session>(host, peer.address, limits, link);
}

// ---- For the owner

void JobHost::LeaveShards(const Job& job, WorkerId worker, uint64_t incarnation) {
  for (const ShardId id : job.own_shards()) sessions_.Deliver(id, job.shard(id)->Leave(worker, incarnation));
  if (job.coordinator() != nullptr) job.coordinator()->Release(worker, incarnation);
}

void JobHost::Sweep() {
  const std::shared_ptr<const Job> current = job();
  const absl::Duration now = clock_.Now();
  MutexLock membership(&membership_mutex_);
  const absl::Duration pause = now - last_sweep_;
  last_sweep_ = now;
  if (current == nullptr) return;
  if (now - last_look_ >= kLookPeriod) {
    last_look_ = now;
    LookAtRates(*current);
  }
  std::vector<Membership::Silent> silent;
  {
    MutexLock lock(&members_mutex_);
    if (pause > options_.heartbeat_timeout) members_->Excuse(pause);
    // Sweeps come several times within a time-out: so that the last of them finds whom two time-outs are over for.
    silent = members_->SilentFor(kGivenUpAfterTimeouts * options_.heartbeat_timeout, now);
    for (const Membership::Silent& worker : silent) {
      members_->GiveUp(worker.worker, worker.incarnation);
      loads_.erase(worker.worker);
    }
  }
  for (const Membership::Silent& worker : silent) {
    DP_LOG(WARNING) << WorkerName(worker.worker) << " (incarnation " << worker.incarnation
                    << ") is given up for dead: not heard of for " << worker.silence;
    LeaveShards(*current, worker.worker, worker.incarnation);
  }
}

absl::Status JobHost::InstallMap(ShardMap map) {
  // No join meanwhile: who fetches the map must not find it before the shards go by it.
  MutexLock membership(&membership_mutex_);
  std::shared_ptr<Job> current;
  {
    MutexLock lock(&job_mutex_);
    current = job_;
  }
  if (current == nullptr) {
    return absl::NotFoundError(absl::StrCat("server/", options_.server, " has no job; create it first"));
  }
  const uint64_t epoch = map.epoch();
  DP_RETURN_IF_ERROR(current->InstallMap(std::move(map)));
  DP_LOG(INFO) << "the shard map of epoch " << epoch << " holds from now on";
  return absl::OkStatus();
}

void JobHost::Drain() {
  draining_.store(true, std::memory_order_release);
  sessions_.DrainAll();
}

// ---- SessionHost

absl::StatusOr<SessionHost::Admission> JobHost::Admit(const wire::ClientHello& hello,
                                                      std::shared_ptr<Mailbox> mailbox) {
  DP_RETURN_IF_ERROR(CheckServing());
  DP_ASSIGN_OR_RETURN(const uint32_t version, PickVersion(hello.version_min(), hello.version()));
  DP_ASSIGN_OR_RETURN(const std::shared_ptr<const Job> job, FindJob(hello.job_fingerprint()));
  {
    MutexLock lock(&members_mutex_);
    DP_RETURN_IF_ERROR(members_->Heard(hello.worker(), hello.incarnation(), std::nullopt, clock_.Now()));
  }
  if (!sessions_.TakePlace(hello.worker(), hello.incarnation(), mailbox)) {
    return absl::AbortedError(
        absl::StrCat("worker ", hello.worker(), " has a stream of a larger incarnation: it has been replaced"));
  }
  // A drain that began meanwhile has not seen this session.
  if (draining_.load(std::memory_order_acquire)) mailbox->Drain();
  Admission admission;
  admission.job = job;
  admission.tally = sessions_.TallyOf(hello.worker());
  admission.hello.set_version(version);
  admission.hello.set_server_incarnation(options_.server_incarnation);
  admission.hello.set_epoch(job->map()->epoch());
  admission.hello.set_bytes_in_flight_max(job->bytes_in_flight_max());
  return admission;
}

void JobHost::Heard(WorkerId worker, uint64_t incarnation) {
  MutexLock lock(&members_mutex_);
  // Who has left hears of it from the shards.
  (void)members_->Heard(worker, incarnation, std::nullopt, clock_.Now());
}

void JobHost::Deliver(ShardId shard, Completions completions) { sessions_.Deliver(shard, std::move(completions)); }

void JobHost::Gone(WorkerId worker, const Mailbox* mailbox) { sessions_.Remove(worker, mailbox); }

}  // namespace downpour
