#include "server/service/job.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/rpc/limits.h"
#include "common/rpc/task_status.h"
#include "common/sharding/cut.h"
#include "server/consistency/policy_factory.h"
#include "server/optimizer/optimizer.h"
#include "server/service/fingerprint.h"
#include "server/store/dense_shard.h"
#include "server/store/initializer.h"

namespace downpour {
namespace {

// Of memory_max beyond the tables: what updates need while readers hold the old blocks.
constexpr uint64_t kCopiesShare = 4;  // a quarter of the tables

// Free blocks that are kept: as many as pushes and readers of a few workers pass around between them.
constexpr size_t kFreeBlockBytesMax = size_t{32} << 20;

absl::Status CheckTables(const ShardMap& map) {
  for (const TableSpec& table : map.tables()) {
    if (table.dtype != DType::kFloat32) {
      return absl::InvalidArgumentError(absl::StrCat("table ", table.name, " is of ",
                                                     std::string(DTypeName(table.dtype)),
                                                     ", but servers keep weights as float32; gradients may be sent as "
                                                     "bfloat16 and float16 all the same"));
    }
  }
  return absl::OkStatus();
}

DenseShardSpec SpecOf(const ShardPlacement& placement, const Optimizer& optimizer) {
  DenseShardSpec spec;
  spec.first_element = placement.first_element;
  spec.element_count = placement.element_count;
  for (int slot = 0; slot < optimizer.slot_count(); ++slot) spec.slots.push_back(optimizer.slot_initial(slot));
  spec.average = optimizer.has_average();
  return spec;
}

// With slots and average.
uint64_t ShardBytes(const ShardMap& map, ShardId shard,
                    const std::vector<std::shared_ptr<const Optimizer>>& optimizers) {
  const Optimizer& optimizer = *optimizers[map.shards()[shard].table];
  const uint64_t arrays = 1 + optimizer.slot_count() + (optimizer.has_average() ? 1 : 0);
  return map.shards()[shard].element_count * arrays * sizeof(float);
}

uint64_t TableBytes(const ShardMap& map, const std::vector<ShardId>& own,
                    const std::vector<std::shared_ptr<const Optimizer>>& optimizers) {
  uint64_t bytes = 0;
  for (const ShardId shard : own) bytes += ShardBytes(map, shard, optimizers);
  return bytes;
}

// An optimizer for each table.
absl::StatusOr<std::vector<std::shared_ptr<const Optimizer>>> MakeOptimizers(const ShardMap& map,
                                                                             const OptimizerConfig& config) {
  std::vector<std::shared_ptr<const Optimizer>> optimizers;
  for (const TableSpec& table : map.tables()) {
    DP_ASSIGN_OR_RETURN(std::shared_ptr<const Optimizer> optimizer, Optimizer::CreateForTable(config, table));
    optimizers.push_back(std::move(optimizer));
  }
  return optimizers;
}

absl::StatusOr<std::shared_ptr<const Optimizer>> MakeOptimizer(const wire::CreateJobRequest& request) {
  DP_RETURN_IF_ERROR(CheckPolicyConfig(request.policy()));
  DP_ASSIGN_OR_RETURN(std::shared_ptr<const Optimizer> optimizer, Optimizer::Create(request.optimizer()));
  if (optimizer->needs_pulled_weights() && !AppliesGradientsAlone(request.policy())) {
    return absl::InvalidArgumentError(
        "optimizer: delay_compensation goes with async and bounded_staleness, which apply each gradient by itself; "
        "take "
        "it out, or choose one of these policies");
  }
  return optimizer;
}

}  // namespace

Job::Job(const wire::CreateJobRequest& request, const Options& options, std::shared_ptr<const ShardMap> map,
         size_t received_max)
    : server_(options.server),
      fingerprint_(request.job_fingerprint()),
      names_({request.name(), NameOfRule(request.policy()), NameOfRule(request.optimizer())}),
      holds_pushes_(HoldsPushes(request.policy())),
      receive_budget_(std::make_shared<ReceiveBudget>(received_max)),
      map_(std::move(map)),
      own_shards_(map_->ShardsOfServer(options.server)),
      pool_({.bytes_in_use_max = options.memory_max - received_max, .bytes_kept_max = kFreeBlockBytesMax}),
      push_nanoseconds_(map_->shards().size()) {
  uint64_t largest = kPieceBytes;
  for (const ShardId shard : own_shards_) largest = std::max(largest, map_->BytesOf(map_->shards()[shard]));
  bytes_in_flight_max_ = largest + kPieceBytes;
}

std::shared_ptr<const ShardMap> Job::map() const {
  MutexLock lock(&map_mutex_);
  return map_;
}

absl::Status Job::InstallMap(ShardMap map) {
  const std::shared_ptr<const ShardMap> old = this->map();
  if (map.epoch() <= old->epoch()) {
    return absl::InvalidArgumentError(absl::StrCat("the shard map of epoch ", map.epoch(), " is not newer than epoch ",
                                                   old->epoch(), ", by which server/", server_, " goes"));
  }
  if (!CutsAlike(map, *old)) {
    return absl::InvalidArgumentError(absl::StrCat("the shard map of epoch ", map.epoch(),
                                                   " cuts the tables otherwise than that of epoch ", old->epoch(),
                                                   ": within a job shards may only move"));
  }
  if (map.servers().front() != old->servers().front()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the first server of the shard map gives the workers their incarnations; keep server/",
                     old->servers().front(), " the first"));
  }
  if (map.ShardsOfServer(server_) != own_shards_) {
    return absl::FailedPreconditionError(
        absl::StrCat("the shard map of epoch ", map.epoch(), " gives server/", server_,
                     " other shards than it has, and weights do not move between servers: leave its shards where they "
                     "are"));
  }
  const uint64_t epoch = map.epoch();
  // The map first: whoever is refused for its epoch finds it.
  {
    MutexLock lock(&map_mutex_);
    map_ = std::make_shared<const ShardMap>(std::move(map));
  }
  for (const ShardId id : own_shards_) DP_RETURN_IF_ERROR(shards_[id]->SetEpoch(epoch));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Job>> Job::Create(const wire::CreateJobRequest& request, const Options& options) {
  DP_RETURN_IF_ERROR(CheckFingerprint(request.job_fingerprint()));
  DP_ASSIGN_OR_RETURN(ShardMap map, ShardMap::FromProto(request.shard_map()));
  const auto servers = map.servers();
  if (std::find(servers.begin(), servers.end(), options.server) == servers.end()) {
    return absl::InvalidArgumentError(absl::StrCat("this is server/", options.server,
                                                   ", which is not in the job's shard map (servers ",
                                                   absl::StrJoin(servers, ", "), "): is the address right?"));
  }
  DP_RETURN_IF_ERROR(CheckTables(map));
  DP_ASSIGN_OR_RETURN(std::shared_ptr<const Optimizer> optimizer, MakeOptimizer(request));
  DP_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<const Optimizer>> optimizers,
                      MakeOptimizers(map, request.optimizer()));

  const uint64_t tables = TableBytes(map, map.ShardsOfServer(options.server), optimizers);
  const uint64_t needed = tables + tables / kCopiesShare;
  if (needed > options.memory_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the job's tables on server/", options.server, " take ", tables >> 20,
                     " MiB with the optimizer's slots, and a quarter more while they are read; --memory_max is ",
                     options.memory_max >> 20, " MiB: give it more, or add servers"));
  }
  const size_t received_max = (options.memory_max - needed) / 2;
  const auto shared_map = std::make_shared<const ShardMap>(std::move(map));
  std::unique_ptr<Job> job(new Job(request, options, shared_map, received_max));
  job->optimizer_ = std::move(optimizer);
  if (request.has_plan() && job->issues_incarnations()) {
    DP_ASSIGN_OR_RETURN(job->coordinator_, Coordinator::Create(request.plan(), options.clock));
  }
  DP_RETURN_IF_ERROR(job->MakeShards(request, *shared_map, optimizers));
  return job;
}

absl::Status Job::MakeShards(const wire::CreateJobRequest& request, const ShardMap& map,
                             const std::vector<std::shared_ptr<const Optimizer>>& optimizers) {
  shards_.resize(map.shards().size());
  bytes_of_shards_.resize(map.shards().size());
  for (const ShardId id : own_shards_) {
    const ShardPlacement& placement = map.shards()[id];
    const TableSpec& table = map.tables()[placement.table];
    const std::shared_ptr<const Optimizer>& optimizer = optimizers[placement.table];
    DP_ASSIGN_OR_RETURN(const Initializer initializer,
                        Initializer::Create(table.initializer, table.shape, request.seed(), table.name));
    DP_ASSIGN_OR_RETURN(std::unique_ptr<TableShard> values,
                        DenseShard::Create(SpecOf(placement, *optimizer), initializer, &pool_));
    DP_ASSIGN_OR_RETURN(std::unique_ptr<Policy> policy, MakePolicy(request.policy()));
    const ShardMap::Range range = map.ShardsOfTable(placement.table);
    ShardOptions shard;
    shard.name = map.NameOf(id);
    bytes_of_shards_[id] = ShardBytes(map, id, optimizers);
    shard.epoch = map.epoch();
    shard.whole_table = range.end - range.begin == 1;
    shard.is_its_own_average = table.is_state && optimizer_->has_average();
    shards_[id] = std::make_unique<Shard>(std::move(shard), std::move(values), optimizer, std::move(policy), &pool_);
  }
  return absl::OkStatus();
}

}  // namespace downpour
