// Servers that tests of the client hold in their hand: an oracle of shards in memory, which applies each push exactly
// once by sgd with rate 1, and misbehaves when told to.
#ifndef DOWNPOUR_WORKER_CLIENT_TESTING_FAKE_CLUSTER_H_
#define DOWNPOUR_WORKER_CLIENT_TESTING_FAKE_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/control.h"
#include "common/rpc/exchange.h"
#include "common/sharding/shard_map.h"
#include "worker/client/ps_client.h"

namespace downpour::testing {

class FakeCluster;

// One server of the cluster. Thread-safe. Outlives what is connected to it.
class FakeServer final : public ExchangeHost, public Control {
 public:
  FakeServer(FakeCluster* cluster, ServerId id) : cluster_(cluster), id_(id) {}

  absl::StatusOr<std::unique_ptr<ServerEnd>> Open(const ExchangePeer& peer, const ExchangeLimits& limits,
                                                  ExchangeLink* link) override;
  absl::StatusOr<wire::CreateJobResponse> CreateJob(const wire::CreateJobRequest& request,
                                                    absl::Duration timeout) override;
  absl::StatusOr<wire::JoinResponse> Join(const wire::JoinRequest& request, absl::Duration timeout) override;
  absl::StatusOr<wire::LeaveResponse> Leave(const wire::LeaveRequest& request, absl::Duration timeout) override;
  absl::StatusOr<wire::HeartbeatResponse> Heartbeat(const wire::HeartbeatRequest& request,
                                                    absl::Duration timeout) override;
  // Ticket n gets lease n, whatever n is.
  absl::StatusOr<wire::TakeWorkResponse> TakeWork(const wire::TakeWorkRequest& request,
                                                  absl::Duration timeout) override;
  absl::StatusOr<wire::ReportWorkResponse> ReportWork(const wire::ReportWorkRequest& request,
                                                      absl::Duration timeout) override;

 private:
  friend class FakeCluster;
  class End;

  FakeCluster* const cluster_;
  const ServerId id_;
  // Guarded by the cluster's lock.
  uint64_t incarnation_ = 1000;
  bool empty_ = false;                    // has no job
  std::map<uint32_t, uint64_t> members_;  // worker to incarnation
  std::set<End*> ends_;
  uint64_t heartbeats_ = 0;
};

// What is to go wrong, and when.
struct FakeFaults {
  // The next so many pushes are applied, and then the stream breaks instead of an acknowledgement.
  int acknowledgements_lost = 0;
  // The next so many pieces of pushes are thrown away, and the stream breaks.
  int pieces_lost = 0;
  // The next so many pushes (of each: its first piece) or pulls are refused so.
  wire::Refusal::Reason push_refusal = wire::Refusal::REASON_UNSPECIFIED;
  int push_refusals = 0;
  wire::Refusal::Reason pull_refusal = wire::Refusal::REASON_UNSPECIFIED;
  int pull_refusals = 0;
  // Pushes are held, until this is false and ReleaseHeld is called.
  bool hold = false;
  // Control calls fail with this.
  absl::Status control;
  // The last word on each message that a server sends.
  std::function<void(SlicedServerMessage*)> tamper;
};

// Thread-safe.
class FakeCluster {
 public:
  explicit FakeCluster(ShardMap map, uint64_t bytes_in_flight_max = 8 << 20);

  FakeServer& server(ServerId id) { return *servers_.at(id); }
  // In-process carriers to the servers.
  CarrierFactory Carriers();
  // Every server of the map, worker 0, short waits.
  PsClientOptions Options() const;

  // ---- Steering
  void SetFaults(FakeFaults faults);
  // Ends all streams of a server.
  void Break(ServerId id, absl::Status status);
  // The server is another process, which has lost everything; `with_job`: somebody has created the job anew.
  void Restart(ServerId id, bool with_job = false);
  // Forgets the worker at every server.
  void GiveUp(uint32_t worker);
  // Another process joins under the worker's number.
  void Replace(uint32_t worker);
  // Servers go by this map from now on; shards move with all that they remember.
  void SetMap(ShardMap map);
  void ReleaseHeld();

  // ---- What came of it
  std::vector<float> WeightsOf(TableIndex table) const;
  uint64_t version_of(ShardId shard) const;
  uint64_t applied() const;
  uint64_t duplicates() const;
  uint64_t heartbeats(ServerId id) const;
  std::vector<std::string> log() const;          // "push 3 #1", "pull 3": in the order of arrival
  std::vector<wire::PushPiece> headers() const;  // of all pieces that came
  uint64_t in_flight_most() const;               // bytes of pushes that some stream has had open

 private:
  friend class FakeServer;
  friend class FakeServer::End;

  using PushKey = std::tuple<uint32_t, uint64_t, uint64_t>;  // worker, incarnation, sequence
  struct Shard {
    std::vector<float> weights;
    uint64_t version = 0;
    std::set<PushKey> applied;
  };

  ServerId OwnerOf(ShardId shard) const DP_REQUIRES(mutex_) { return map_.shards()[shard].server; }

  mutable Mutex mutex_;
  ShardMap map_ DP_GUARDED_BY(mutex_);
  const uint64_t bytes_in_flight_max_;
  FakeFaults faults_ DP_GUARDED_BY(mutex_);
  std::vector<Shard> shards_ DP_GUARDED_BY(mutex_);
  uint64_t last_incarnation_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t duplicates_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t in_flight_most_ DP_GUARDED_BY(mutex_) = 0;
  std::vector<std::string> log_ DP_GUARDED_BY(mutex_);
  std::vector<wire::PushPiece> headers_ DP_GUARDED_BY(mutex_);
  std::map<ServerId, std::unique_ptr<FakeServer>> servers_;
};

// Tables "t0", "t1", ... of these many elements, cut into shards of at most `shard_elements`, over servers 0, 1, ... in
// turn.
ShardMap MakeFakeMap(const std::vector<uint64_t>& tables, uint64_t shard_elements, uint32_t servers, uint64_t epoch = 1,
                     uint32_t first_server = 0);

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_CLIENT_TESTING_FAKE_CLUSTER_H_
