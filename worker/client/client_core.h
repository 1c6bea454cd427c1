// What a PsClient does, under one lock: cuts operations along the shard map, queues their parts for the servers, says
// what streams send, understands what they receive, retries, and keeps the worker joined.
//
//   client_core.cc        operations: begun, ended, waited for
//   client_sending.cc     what a stream sends next
//   client_receiving.cc   what a server has said
//   client_connecting.cc  streams opened and lost, timers
//   client_membership.cc  joining, heartbeats, newer shard maps
//   client_work.cc        what the coordinator is asked
//   client_load.cc        what is told of the ways to the servers
//
// No carrier, sink or `done` is called under the lock: what is to be called is noted in an Effects and called after it.
#ifndef DOWNPOUR_WORKER_CLIENT_CLIENT_CORE_H_
#define DOWNPOUR_WORKER_CLIENT_CLIENT_CORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "common/base/mutex.h"
#include "common/rpc/backoff.h"
#include "worker/client/ps_client.h"
#include "worker/client/shard_request.h"

namespace downpour {

class ServerStream;

// What has gone between this client and one server.
struct LinkTally {
  uint64_t disconnects = 0;
  uint64_t pushes = 0;  // acknowledged, shard by shard
  uint64_t push_bytes = 0;
  absl::Duration push_time;  // from the first byte sent to the acknowledgement
  uint64_t pulls = 0;        // answered whole
  uint64_t pull_bytes = 0;
  absl::Duration pull_time;                  // from asking to the last byte
  std::optional<absl::Duration> round_trip;  // of heartbeats, a moving mean
};

// A server as the client sees it. Guarded by the lock of ClientCore; lives as long as that.
struct ServerState {
  ServerState(ServerId id, std::unique_ptr<Carrier> carrier, const PsClientOptions& options)
      : id(id), carrier(std::move(carrier)), backoff(options.backoff, options.seed, id) {}

  const ServerId id;
  const std::unique_ptr<Carrier> carrier;
  uint64_t incarnation = 0;  // of the server process that was joined; 0: none yet
  bool joined = false;       // with the client's present incarnation

  // ---- The stream
  std::shared_ptr<ServerStream> stream;  // null: not connected
  std::shared_ptr<ExchangeLink> link;    // null also for a moment after the stream was made
  bool hello_sent = false;
  bool ready = false;      // the server's hello has come
  uint64_t in_flight = 0;  // bytes of pushes
  uint64_t in_flight_max = 0;
  uint64_t asked = 0;  // bytes of pulls that were asked for
  absl::flat_hash_set<ShardRequest*> sent;
  SendQueue pushes;
  SendQueue pulls;

  Backoff backoff;
  std::optional<absl::Duration> connect_at;
  absl::Status trouble;  // why the last stream ended, or the last call failed
  absl::Duration heard;  // when a call was last answered
  LinkTally tally;

  // ---- Its keeper: the thread that makes the calls of Control
  std::thread keeper;
  CondVar keeper_wake;
  bool join_wanted = false;  // to fetch a newer map, or to join with an incarnation that it has not heard of
};

// Of a control call: the same call may do later.
bool IsPassing(const absl::Status& status);

class ClientCore final : public std::enable_shared_from_this<ClientCore> {
 public:
  ClientCore(PsClientOptions options, CarrierFactory carriers);

  // See PsClient.
  absl::Status Start();
  void Close();
  OperationHandle Submit(absl::Span<const Gradient> gradients, absl::Span<const Target> targets,
                         OperationOptions options);
  absl::Status Flush();
  void ReportClock(uint64_t clock);
  absl::StatusOr<uint64_t> Rejoin();
  absl::Status Leave();
  absl::StatusOr<wire::TakeWorkResponse> TakeWork();
  absl::StatusOr<wire::ReportWorkResponse> ReportWork(wire::ReportWorkRequest report);
  uint64_t clock() const;
  uint64_t incarnation() const;
  std::shared_ptr<const ShardMap> shard_map() const;
  PsClientCounters counters() const;
  absl::Status status() const;

  // ---- For streams
  bool NextMessage(const ServerStream* stream, SlicedClientMessage* message);
  void OnMessage(const ServerStream* stream, SlicedServerMessage message);
  void OnClosed(const ServerStream* stream, const absl::Status& status);

 private:
  // What to call when the lock is no longer held, in this order.
  struct Effects {
    absl::InlinedVector<std::shared_ptr<OpenOperation>, 2> announced;
    std::vector<std::pair<std::shared_ptr<ExchangeLink>, absl::Status>> finished;
    std::vector<std::pair<ServerState*, std::shared_ptr<ServerStream>>> connects;
    absl::InlinedVector<std::shared_ptr<ExchangeLink>, 2> wakes;
  };
  // A part of a push that is to be sent, with all that is needed to write it down later.
  struct CutPiece;
  // Received weights on the way to their target.
  struct Copy {
    ShardPull* pull = nullptr;
    uint64_t first_byte = 0;  // in the table
    const SlicedWeightsPiece* piece = nullptr;
  };
  template <typename Request, typename Response>
  using CoordinatorCall = absl::StatusOr<Response> (Control::*)(const Request&, absl::Duration);

  // What one server answers to a join, checked.
  struct Joined {
    uint64_t incarnation = 0;
    uint64_t clock = 0;
    uint64_t server_incarnation = 0;
    std::shared_ptr<const ShardMap> map;
    std::optional<absl::Duration> heartbeat_period;
  };

  void Run(Effects effects) DP_EXCLUDES(mutex_);
  absl::Duration Now() const { return options_.clock_source->Now(); }

  // ---- Work (client_work.cc): one call to the coordinator, tried again until it is answered.
  template <typename Response, typename Request>
  absl::StatusOr<Response> AskCoordinator(Request request, CoordinatorCall<Request, Response> call,
                                          std::string_view what) DP_EXCLUDES(mutex_);
  // Waits for a while until the server has said on a new stream what ends this worker.
  void FindOutWhy(ServerState* server, const absl::Status& status) DP_EXCLUDES(mutex_);

  // ---- Load (client_load.cc)
  void DescribeLinks(wire::WorkerLoad* load) DP_REQUIRES(mutex_);
  static void CountRoundTrip(ServerState* server, absl::Duration time);

  // ---- Operations (client_core.cc)
  absl::Status Prepare(OpenOperation* operation, absl::Span<const Gradient> gradients,
                       absl::Span<const Target> targets) const;
  absl::Status PrepareGradient(const ShardMap& map, const Gradient& gradient, OpenOperation* operation) const;
  absl::Status PrepareTarget(const ShardMap& map, const Target& target, OpenOperation* operation) const;
  static void LinkPulls(OpenOperation* operation);
  void Begin(OpenOperation* operation, Effects* effects) DP_REQUIRES(mutex_);
  void Enqueue(ShardRequest* request, Effects* effects) DP_REQUIRES(mutex_);
  void EnqueueBegun(const std::vector<ShardPush*>& begun, Effects* effects) DP_REQUIRES(mutex_);
  // The request needs nothing more.
  void Finish(ShardRequest* request, Effects* effects) DP_REQUIRES(mutex_);
  // Takes the request from wherever it is.
  void Detach(ShardRequest* request) DP_REQUIRES(mutex_);
  void Settle(OpenOperation* operation, absl::Status status, Effects* effects) DP_REQUIRES(mutex_);
  void AnnounceIfIdle(OpenOperation* operation, Effects* effects) DP_REQUIRES(mutex_);
  // Ends one operation before its time; what of it is on a stream is sent to its end there.
  void Fail(OpenOperation* operation, absl::Status status, Effects* effects) DP_REQUIRES(mutex_);
  // Ends everything with `status`, and each later operation too, and gives up all streams.
  void EndAll(absl::Status status, Effects* effects) DP_REQUIRES(mutex_);

  // ---- Sending (client_sending.cc)
  void WriteHello(SlicedClientMessage* message) const DP_REQUIRES(mutex_);
  void AskForWeights(ServerState* server, SlicedClientMessage* message) DP_REQUIRES(mutex_);
  void CutPushes(ServerState* server, std::vector<CutPiece>* cut) DP_REQUIRES(mutex_);
  CutPiece Cut(ShardPush* push, uint64_t bytes) DP_REQUIRES(mutex_);
  void WritePiece(CutPiece cut, SlicedClientMessage* message) const;

  // ---- Receiving (client_receiving.cc)
  ServerState* Find(const ServerStream* stream) DP_REQUIRES(mutex_);
  absl::Status OnHello(ServerState* server, const wire::ServerHello& hello, Effects* effects) DP_REQUIRES(mutex_);
  absl::Status OnAcknowledgement(ServerState* server, const wire::Acknowledgement& answer, Effects* effects)
      DP_REQUIRES(mutex_);
  void OnPullRefusal(ServerState* server, const wire::PullRefusal& answer, Effects* effects) DP_REQUIRES(mutex_);
  void OnRefused(ShardRequest* request, const wire::Refusal& refusal, Effects* effects) DP_REQUIRES(mutex_);
  void OnWeights(ServerState* server, const SlicedWeightsPiece& piece, std::vector<Copy>* copies, Effects* effects)
      DP_REQUIRES(mutex_);
  void Deliver(const Copy& copy) const;
  void FinishCopies(const std::vector<Copy>& copies, Effects* effects) DP_REQUIRES(mutex_);
  void ReleaseInFlight(ShardPush* push) DP_REQUIRES(mutex_);
  void ReleaseThen(ShardPush* push, Effects* effects) DP_REQUIRES(mutex_);
  void Delay(ShardRequest* request) DP_REQUIRES(mutex_);
  std::string NameOf(const ServerState& server) const;

  // ---- Streams and timers (client_connecting.cc)
  void ConnectIfUseful(ServerState* server, Effects* effects) DP_REQUIRES(mutex_);
  // Everything that was sent on the stream is queued again.
  void LoseStream(ServerState* server, Effects* effects) DP_REQUIRES(mutex_);
  void GiveUpStream(ServerState* server, const absl::Status& why, Effects* effects) DP_REQUIRES(mutex_);
  void TimerLoop();
  absl::Duration OnTime(absl::Duration now, Effects* effects) DP_REQUIRES(mutex_);
  void FailLate(absl::Duration now, Effects* effects) DP_REQUIRES(mutex_);
  void NoteTime(absl::Duration time) DP_REQUIRES(mutex_);

  // ---- Membership (client_membership.cc)
  absl::StatusOr<ServerState*> GetServer(ServerId id) DP_EXCLUDES(mutex_);
  absl::Status CreateJob(absl::Duration give_up_at) DP_EXCLUDES(mutex_);
  absl::Status JoinAll(absl::Duration give_up_at) DP_EXCLUDES(mutex_);
  absl::StatusOr<Joined> JoinOne(ServerState* server, uint64_t incarnation, uint64_t clock) DP_EXCLUDES(mutex_);
  template <typename Call>
  std::invoke_result_t<Call&> Retry(const ServerState& server, absl::Duration give_up_at, Call call)
      DP_EXCLUDES(mutex_);
  absl::Status CheckMap(const ShardMap& map) const DP_REQUIRES(mutex_);
  void InstallMap(std::shared_ptr<const ShardMap> map, Effects* effects) DP_REQUIRES(mutex_);
  void AwaitMap(ShardRequest* request, ServerState* server) DP_REQUIRES(mutex_);
  void KeeperLoop(ServerState* server);
  void KeepJoined(ServerState* server) DP_REQUIRES(mutex_);
  // The server does not know this worker as it is: a new stream is told why.
  void AskWhy(ServerState* server, const absl::Status& status, Effects* effects) DP_REQUIRES(mutex_);
  void Beat(ServerState* server) DP_REQUIRES(mutex_);
  // A heartbeat had no answer.
  void OnSilence(ServerState* server, const absl::Status& status, Effects* effects) DP_REQUIRES(mutex_);
  // The server is another process than the one that was joined: nothing goes on.
  void OnRestarted(const ServerState& server, Effects* effects) DP_REQUIRES(mutex_);
  void OnGivenUp(const ServerState& server, std::string_view message, Effects* effects) DP_REQUIRES(mutex_);
  void OnFenced(const ServerState& server, std::string_view message, Effects* effects) DP_REQUIRES(mutex_);

  const PsClientOptions options_;
  const CarrierFactory carriers_;

  Mutex join_mutex_ DP_ACQUIRED_BEFORE(mutex_);  // one join at a time

  mutable Mutex mutex_;
  bool closing_ DP_GUARDED_BY(mutex_) = false;
  absl::Status status_ DP_GUARDED_BY(mutex_);  // not OK: how every operation ends
  bool final_ DP_GUARDED_BY(mutex_) = false;   // of an error: Rejoin does not mend it
  uint64_t incarnation_ DP_GUARDED_BY(mutex_) = 0;
  absl::Duration heartbeat_period_ DP_GUARDED_BY(mutex_);  // as the servers want it
  uint64_t last_ticket_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t join_clock_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t reported_clock_ DP_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<const ShardMap> map_ DP_GUARDED_BY(mutex_);
  std::map<ServerId, std::unique_ptr<ServerState>> servers_ DP_GUARDED_BY(mutex_);
  std::vector<ShardNumbers> numbers_ DP_GUARDED_BY(mutex_);      // by shard
  std::vector<uint64_t> versions_pulled_ DP_GUARDED_BY(mutex_);  // by shard, the last
  size_t open_streams_ DP_GUARDED_BY(mutex_) = 0;
  CondVar streams_closed_;

  uint64_t next_ticket_ DP_GUARDED_BY(mutex_) = 1;
  uint64_t next_order_ DP_GUARDED_BY(mutex_) = 1;
  absl::flat_hash_map<uint64_t, std::shared_ptr<OpenOperation>> operations_ DP_GUARDED_BY(mutex_);  // by ticket
  absl::flat_hash_map<std::pair<uint64_t, ShardId>, ShardPull*> asked_ DP_GUARDED_BY(mutex_);
  std::multimap<absl::Duration, ShardRequest*> delayed_ DP_GUARDED_BY(mutex_);
  std::set<ShardRequest*> awaiting_map_ DP_GUARDED_BY(mutex_);
  size_t open_ DP_GUARDED_BY(mutex_) = 0;  // operations that have not been announced
  absl::Status first_error_ DP_GUARDED_BY(mutex_);
  CondVar flushed_;
  PsClientCounters counters_ DP_GUARDED_BY(mutex_);

  std::thread timer_;
  CondVar timer_wake_;
  absl::Duration timer_at_ DP_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  absl::Duration next_deadline_ DP_GUARDED_BY(mutex_) = absl::InfiniteDuration();
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_CLIENT_CLIENT_CORE_H_
