#ifndef DOWNPOUR_SERVER_SERVICE_JOB_HOST_H_
#define DOWNPOUR_SERVER_SERVICE_JOB_HOST_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/rpc/control.h"
#include "common/rpc/exchange.h"
#include "common/rpc/status_source.h"
#include "server/membership/members.h"
#include "server/service/job.h"
#include "server/service/recent_rates.h"
#include "server/service/session.h"
#include "server/service/sessions.h"

namespace downpour {

// A parameter server without a network: what carriers open exchanges with and what control calls are made to. Hosts one
// job, which the first CreateJob makes.
//
// Thread-safe. Starts no threads: whoever owns it calls Sweep() now and then, and it does the work of a call on the
// caller's thread (CreateJob fills tables: seconds). Outlives its exchanges. Timeouts are not looked at, since nothing
// here waits for anybody but a lock.
class JobHost final : public Control, public ExchangeHost, public StatusSource, private SessionHost {
 public:
  struct Options {
    ServerId server = 0;                  // the number of this server's task
    uint64_t server_incarnation = 0;      // drawn at the start of the process, never 0
    size_t memory_max = size_t{1} << 32;  // see Job::Options
    // A worker that is not heard of for longer is suspect; for twice as long: given up for dead. They are asked for a
    // sign of life several times within it.
    absl::Duration heartbeat_timeout = absl::Seconds(15);
    const Clock* clock = nullptr;                   // null: SteadyClock
    std::map<std::string, std::string> tasks = {};  // addresses that are known from the start: "server/1" to HOST:PORT
    std::function<std::unique_ptr<Membership>()> make_membership = nullptr;  // null: Members
    std::function<void()> shut_down = nullptr;  // a person wants the server to end; null: it cannot
  };

  explicit JobHost(const Options& options);
  ~JobHost() override;

  // ---- Control
  absl::StatusOr<wire::CreateJobResponse> CreateJob(const wire::CreateJobRequest& request,
                                                    absl::Duration timeout) override;
  absl::StatusOr<wire::JoinResponse> Join(const wire::JoinRequest& request, absl::Duration timeout) override;
  absl::StatusOr<wire::LeaveResponse> Leave(const wire::LeaveRequest& request, absl::Duration timeout) override;
  absl::StatusOr<wire::HeartbeatResponse> Heartbeat(const wire::HeartbeatRequest& request,
                                                    absl::Duration timeout) override;

  absl::StatusOr<wire::TakeWorkResponse> TakeWork(const wire::TakeWorkRequest& request,
                                                  absl::Duration timeout) override;
  absl::StatusOr<wire::ReportWorkResponse> ReportWork(const wire::ReportWorkRequest& request,
                                                      absl::Duration timeout) override;

  // ---- ExchangeHost
  absl::StatusOr<std::unique_ptr<ServerEnd>> Open(const ExchangePeer& peer, const ExchangeLimits& limits,
                                                  ExchangeLink* link) override;

  // ---- StatusSource (host_status.cc)
  wire::StatusReport Describe(const wire::StatusRequest& request) override;
  absl::StatusOr<wire::StopJobResponse> StopJob(const wire::StopJobRequest& request) override;
  absl::StatusOr<wire::DrainWorkerResponse> DrainWorker(const wire::DrainWorkerRequest& request) override;
  absl::StatusOr<wire::ShutdownResponse> Shutdown(const wire::ShutdownRequest& request) override;

  // ---- For the owner

  // Where this server is reached, and another task, once that is known.
  void SetAddress(std::string address);
  void KnowTask(const std::string& task, std::string address);

  // Gives up for dead who was not heard of for too long. To be called several times within heartbeat_timeout. Time in
  // which this was not called, because the whole process stood still, is nobody's silence.
  void Sweep();

  // Goes by a newer shard map (Job::InstallMap says which ones): whoever comes with an older epoch is refused, and gets
  // this map by Join. NOT_FOUND before CreateJob.
  absl::Status InstallMap(ShardMap map);

  // No new jobs, joins and exchanges; every exchange answers what it is answering and ends with UNAVAILABLE.
  void Drain();

  // Exchanges that have said hello and are not over.
  size_t session_count() const { return sessions_.size(); }

  // Null before CreateJob.
  std::shared_ptr<const Job> job() const;
  uint64_t server_incarnation() const { return options_.server_incarnation; }

 private:
  // Of what strangers say.
  static constexpr size_t kAddressBytesMax = 512;
  static constexpr size_t kAddressesMax = 4096;
  static constexpr size_t kLoadBytesMax = size_t{64} << 10;
  static constexpr size_t kReasonBytesMax = 512;

  // ---- SessionHost
  absl::StatusOr<Admission> Admit(const wire::ClientHello& hello, std::shared_ptr<Mailbox> mailbox) override;
  void Heard(WorkerId worker, uint64_t incarnation) override;
  void Deliver(ShardId shard, Completions completions) override;
  void Gone(WorkerId worker, const Mailbox* mailbox) override;

  absl::Status CheckServing() const;
  // The job's coordinator, if `worker` may ask it; where it has none, what to do about that.
  absl::StatusOr<std::shared_ptr<const Job>> CheckWorker(std::string_view fingerprint, WorkerId worker,
                                                         uint64_t incarnation);
  // The job, if it is that of the fingerprint.
  absl::StatusOr<std::shared_ptr<const Job>> FindJob(std::string_view fingerprint) const;
  // What a Join has told of addresses.
  void NoteAddresses(const wire::JoinRequest& request);
  // The coordinator that Admin asks for; FAILED_PRECONDITION says whom to ask instead.
  absl::StatusOr<std::shared_ptr<const Job>> FindCoordinator() const;
  void DescribeWorkers(const Job& job, wire::StatusReport* report);
  void LookAtRates(const Job& job);
  void DescribeShards(const Job& job, bool each, wire::ServerStatus* server);
  void LeaveShards(const Job& job, WorkerId worker, uint64_t incarnation) DP_REQUIRES(membership_mutex_);

  const Options options_;
  const Clock& clock_;
  Sessions sessions_;
  std::atomic<bool> draining_{false};

  Mutex creation_mutex_;  // held while a job is made
  mutable Mutex job_mutex_;
  std::shared_ptr<Job> job_ DP_GUARDED_BY(job_mutex_);

  Mutex membership_mutex_;  // held while all shards hear of a join or leave, so that they hear of all in one order
  absl::Duration last_sweep_ DP_GUARDED_BY(membership_mutex_);
  absl::Duration last_look_ DP_GUARDED_BY(membership_mutex_);  // at the rates

  mutable Mutex members_mutex_;  // taken last, and for a moment only
  const std::unique_ptr<Membership> members_ DP_PT_GUARDED_BY(members_mutex_);
  // As they told in their last heartbeat; of those that live.
  std::map<WorkerId, wire::WorkerLoad> loads_ DP_GUARDED_BY(members_mutex_);

  Mutex status_mutex_;                                                         // taken last, and for a moment only
  std::map<std::string, std::string> addresses_ DP_GUARDED_BY(status_mutex_);  // of tasks
  std::string own_address_ DP_GUARDED_BY(status_mutex_);
  RecentRates rates_ DP_GUARDED_BY(status_mutex_);  // of updates, shard by shard
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_JOB_HOST_H_
