// How tables are cut into shards and shards given to servers.
#ifndef DOWNPOUR_COMMON_SHARDING_PLACEMENT_H_
#define DOWNPOUR_COMMON_SHARDING_PLACEMENT_H_

#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sharding/shard_map.h"
#include "common/sharding/table_spec.h"

namespace downpour {

// The first map of a job (epoch 1). Every table is cut into shards of kShardElementsMax elements and one with the rest;
// the largest shards are placed first, each on the server that has the fewest bytes so far, so that no server has more
// than the mean and one shard. Ties go by table name, first element and server number: the same tables and servers, in
// whatever order they are listed, always give the same placement. INVALID_ARGUMENT as ShardMap::FromProto.
absl::StatusOr<ShardMap> PlaceTables(std::span<const TableSpec> tables, std::span<const ServerId> servers);

// A shard that changes hands.
struct ShardMove {
  ShardId shard = 0;
  ServerId from = 0;
  ServerId to = 0;
};

struct RebalancedMap {
  ShardMap map;                  // of the next epoch
  std::vector<ShardMove> moves;  // ascending by shard
};

// The map after the servers have become `servers`. What lay on removed servers is placed anew as above; then every
// added server takes shards, largest first, from whichever old server has most, until it has its fair share (the mean).
// So an added server costs at most its fair share and one shard of bytes moved, nothing moves between servers that
// stay, and a placement in which no two servers differ by more than the largest shard keeps within mean and largest
// shard. INVALID_ARGUMENT as ShardMap::FromProto.
absl::StatusOr<RebalancedMap> Rebalance(const ShardMap& map, std::span<const ServerId> servers);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_SHARDING_PLACEMENT_H_
