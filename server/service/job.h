#ifndef DOWNPOUR_SERVER_SERVICE_JOB_H_
#define DOWNPOUR_SERVER_SERVICE_JOB_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/sharding/shard_map.h"
#include "proto/control.pb.h"
#include "server/service/coordinator.h"
#include "server/service/receive_budget.h"
#include "server/shard/shard.h"
#include "server/store/block_pool.h"

namespace downpour {

// A job on one server: the shards of its tables that this server owns, with the memory that they and what is received
// for them may take. Immutable but for the shard map and for what the shards do themselves, so any thread may use it.
class Job {
 public:
  struct Options {
    ServerId server = 0;           // the number of this server's task
    const Clock* clock = nullptr;  // of the coordinator; outlives the job
    size_t memory_max = 0;  // bytes of tables, their optimizer's slots, copies on write, and received pushes, together
  };

  // Checks the whole request, then allocates and fills the tables, which takes about a second for each GB.
  // INVALID_ARGUMENT names what is wrong with the job, RESOURCE_EXHAUSTED has the figures where it does not fit.
  static absl::StatusOr<std::unique_ptr<Job>> Create(const wire::CreateJobRequest& request, const Options& options);

  // The 32 bytes that name the job.
  const std::string& fingerprint() const { return fingerprint_; }
  std::shared_ptr<const ShardMap> map() const;  // the newest

  // Goes by a newer map from now on: requests under the epoch before it are refused, whatever was applied stays. This
  // server must have the same shards in it, since weights do not move between servers, and the same server must come
  // first, since it knows which incarnations there have been. One call at a time. INVALID_ARGUMENT for a map that is
  // not newer or is of another job, FAILED_PRECONDITION for one that asks for more than this.
  absl::Status InstallMap(ShardMap map);

  // What people know it by.
  struct Names {
    std::string job;
    std::string policy;
    std::string optimizer;
  };
  const Names& names() const { return names_; }

  // That pushes to a shard have taken, the wait for its lock included.
  void CountPushTime(ShardId id, absl::Duration time) const {
    push_nanoseconds_[id].fetch_add(static_cast<uint64_t>(absl::ToInt64Nanoseconds(time)), std::memory_order_relaxed);
  }
  double PushSeconds(ShardId id) const {
    return static_cast<double>(push_nanoseconds_[id].load(std::memory_order_relaxed)) / 1e9;
  }

  // Updates that the rate of the optimizer's next one goes by: those of the first shard here; `otherwise` without one.
  uint64_t Updates(uint64_t otherwise) const {
    return own_shards_.empty() ? otherwise : shards_[own_shards_.front()]->counters().version;
  }
  // What a shard takes with the optimizer's slots and the average.
  uint64_t BytesOf(ShardId id) const { return bytes_of_shards_[id]; }

  // Null for a shard that there is not, or that is another server's.
  Shard* shard(ShardId id) const { return id < shards_.size() ? shards_[id].get() : nullptr; }
  const std::vector<ShardId>& own_shards() const { return own_shards_; }  // ascending

  // Whether this server gives the workers of the job their incarnations.
  bool issues_incarnations() const { return map()->servers().front() == server_; }

  // That of the job; tables may have their own settings on top.
  const Optimizer& optimizer() const { return *optimizer_; }

  // Hands out the work. Null where the job has no plan, or another server coordinates. Has a lock of its own.
  Coordinator* coordinator() const { return coordinator_.get(); }

  // Whether the policy may let a push wait for others.
  bool holds_pushes() const { return holds_pushes_; }

  // Payload that a client may have on its way on one stream: the largest shard, which has to come whole before it is
  // acknowledged, and the piece that is sent meanwhile.
  uint64_t bytes_in_flight_max() const { return bytes_in_flight_max_; }

  const std::shared_ptr<ReceiveBudget>& receive_budget() const { return receive_budget_; }
  const BlockPool& pool() const { return pool_; }

 private:
  Job(const wire::CreateJobRequest& request, const Options& options, std::shared_ptr<const ShardMap> map,
      size_t received_max);

  absl::Status MakeShards(const wire::CreateJobRequest& request, const ShardMap& map,
                          const std::vector<std::shared_ptr<const Optimizer>>& optimizers);

  const ServerId server_;
  const std::string fingerprint_;
  const Names names_;
  const bool holds_pushes_;
  const std::shared_ptr<ReceiveBudget> receive_budget_;
  uint64_t bytes_in_flight_max_ = 0;
  std::shared_ptr<const Optimizer> optimizer_;
  std::unique_ptr<Coordinator> coordinator_;
  mutable Mutex map_mutex_;
  std::shared_ptr<const ShardMap> map_ DP_GUARDED_BY(map_mutex_);
  const std::vector<ShardId> own_shards_;
  BlockPool pool_;                              // outlives the shards
  std::vector<std::unique_ptr<Shard>> shards_;  // by id
  std::vector<uint64_t> bytes_of_shards_;       // the same
  mutable std::vector<std::atomic<uint64_t>> push_nanoseconds_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_JOB_H_
