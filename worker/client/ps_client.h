// How a worker speaks to the parameter servers.
//
//   DP_ASSIGN_OR_RETURN(auto client, PsClient::Join(options, carriers));
//   auto weights = client->Pull({{.table = 0, .memory = w}}, {.clock = client->clock()});
//   DP_RETURN_IF_ERROR(client->Wait(weights).status);
//   ... forward, backward ...
//   client->Push({{.table = 0, .values = gradient, .owner = buffer}}, {.clock = clock + 1});   // is on its way
//   ... goes on with the next layer ...
//   DP_RETURN_IF_ERROR(client->Flush());
//
// Every operation is asynchronous: it is cut along the shard map, sent to the servers that own the shards, retried
// until its deadline over whatever happens to connections, and applied exactly once by each shard.
#ifndef DOWNPOUR_WORKER_CLIENT_PS_CLIENT_H_
#define DOWNPOUR_WORKER_CLIENT_PS_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/clock.h"
#include "common/rpc/backoff.h"
#include "common/rpc/carrier.h"
#include "common/sharding/shard_map.h"
#include "proto/control.pb.h"
#include "worker/client/operation.h"

namespace downpour {

class ClientCore;

struct PsClientOptions {
  uint32_t worker = 0;          // the number of the task: "worker/3" is 3
  std::string job_fingerprint;  // 32 bytes, see CreateJobRequest
  // The server tasks of the cluster. The first one hands out incarnations.
  std::vector<ServerId> servers = {0};
  // Created at each of the servers before joining, where it does not exist. Not given: somebody else does that.
  std::optional<wire::CreateJobRequest> job;
  uint64_t clock = 0;  // steps that this worker has finished, where it goes on with a run

  // The job clips by the norm of a table's gradient: it is sent with pushes to tables of several shards.
  bool send_table_norms = false;

  absl::Duration operation_timeout = absl::Minutes(5);  // where an operation names none
  absl::Duration join_timeout = absl::Minutes(1);       // until all servers have answered a join, retries included
  absl::Duration control_timeout = absl::Seconds(5);    // of one call of a join, a heartbeat or a leave
  absl::Duration heartbeat_period = absl::Seconds(1);   // where the servers ask for none
  BackoffOptions backoff;
  uint64_t seed = 0;  // of its jitter

  // Told to the servers at the join, for those who ask them how things are.
  std::string status_address = {};  // HOST:PORT where this worker's task tells its status; empty: nowhere
  // With each heartbeat to the first server: adds how the worker fares to what the client has said of its links. On a
  // thread of the client's, without a lock. Null: nothing is told.
  std::function<void(wire::WorkerLoad*)> describe_load = nullptr;

  // Asked while a server does not answer: true ends the join, or everything, with CANCELLED. Null: nobody does.
  std::function<bool()> give_up = nullptr;
  const Clock* clock_source = &SteadyClock::Get();
};

// The way to each server. Called by any thread; once for each server as it appears in the shard map.
using CarrierFactory = std::function<absl::StatusOr<std::unique_ptr<Carrier>>(ServerId)>;

// What a client has done since it was made, over all servers.
struct PsClientCounters {
  uint64_t connects = 0;         // streams that a server has answered
  uint64_t disconnects = 0;      // of them, ended by anything but this client
  uint64_t pushes_answered = 0;  // shard by shard: applied or dropped
  uint64_t resends = 0;          // pushes and pulls of a shard that had been sent before
  uint64_t refusals = 0;
  uint64_t ignored = 0;  // answers to nothing that was asked, or asked no longer
  uint64_t maps = 0;     // newer shard maps
};

// One worker at the servers of one job. Threads: every method from any thread, also from a `done` of an operation,
// unless it says that it waits. Starts a thread for timers and one for the heartbeats of each server.
//
// How things end. An operation's status tells what a caller can do about it:
//   DEADLINE_EXCEEDED    not finished in time; the message has the last trouble with the server
//   ABORTED              this worker was given up for dead (it was silent for too long): everything that was unanswered
//                        is dropped, and may or may not have been applied. Rejoin(), pull, and go on from that clock.
//   FAILED_PRECONDITION  another process has joined under this worker's number; or the server speaks of another job or
//                        version; or (VERSION_FUTURE) the weights are to be pulled again
//   DATA_LOSS            a server has restarted and lost its weights. Nothing is trained against it any more.
//   INVALID_ARGUMENT     a shard refused it for good: a NaN in a gradient, a defect of the caller; the message says
//   what CANCELLED            the client was closed
// After all but DEADLINE_EXCEEDED, INVALID_ARGUMENT and VERSION_FUTURE each later operation ends the same way at once.
class PsClient {
 public:
  // Creates the job (where options.job says so), joins every server, and connects to them. Waits, at most
  // options.join_timeout.
  static absl::StatusOr<std::unique_ptr<PsClient>> Join(PsClientOptions options, CarrierFactory carriers);

  // Ends what is open with CANCELLED and closes the streams; waits for that. To the servers a worker that does no more
  // than this has died: see Leave.
  ~PsClient();
  PsClient(const PsClient&) = delete;
  PsClient& operator=(const PsClient&) = delete;

  // ---- Operations. Arguments that make no sense give an operation that is over with INVALID_ARGUMENT.

  // Done when every shard of every gradient has applied or dropped it, or one has refused it.
  OperationHandle Push(absl::Span<const Gradient> gradients, OperationOptions options = {});

  // Done when all weights are there.
  OperationHandle Pull(absl::Span<const Target> targets, OperationOptions options = {});

  // Both; each shard is asked for its weights once it has answered its push, so that they have it (under policies that
  // hold pushes: as soon as it is held). Shards that are not pushed to are asked at once.
  OperationHandle PushPull(absl::Span<const Gradient> gradients, absl::Span<const Target> targets,
                           OperationOptions options = {});

  // Waits until the operation is over.
  const OperationResult& Wait(const OperationHandle& operation);

  // Waits until no operation is open. The first error among those that ended since the last Flush.
  absl::Status Flush();

  // ---- Taking part

  // Steps finished, as heartbeats tell it to the servers; grows by itself with the clocks of pushes.
  void ReportClock(uint64_t clock);

  // After ABORTED: joins as a new incarnation. Waits. Gives the clock to go on from; nothing changes if still joined.
  absl::StatusOr<uint64_t> Rejoin();

  // ---- Work, of jobs with a plan. Both wait, at most `operation_timeout`, and try again meanwhile. From one thread at
  // a time. Errors as of operations; FAILED_PRECONDITION also where the work reported is not this worker's any more.
  absl::StatusOr<wire::TakeWorkResponse> TakeWork();
  // `report` without who it is from.
  absl::StatusOr<wire::ReportWorkResponse> ReportWork(wire::ReportWorkRequest report);

  // Tells all servers that nothing is to wait for this worker any more, after what is open has ended. Waits. Operations
  // end with CANCELLED from then on.
  absl::Status Leave();

  // ---- What is known
  uint64_t clock() const;        // that the servers gave at the last join
  uint64_t incarnation() const;  // of the last join
  std::shared_ptr<const ShardMap> shard_map() const;
  PsClientCounters counters() const;
  // OK while joined; otherwise how every operation ends.
  absl::Status status() const;

 private:
  explicit PsClient(std::shared_ptr<ClientCore> core) : core_(std::move(core)) {}

  const std::shared_ptr<ClientCore> core_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_CLIENT_PS_CLIENT_H_
