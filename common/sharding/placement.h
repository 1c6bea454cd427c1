// How tables are cut into shards and shards given to servers.
#ifndef DOWNPOUR_COMMON_SHARDING_PLACEMENT_H_
#define DOWNPOUR_COMMON_SHARDING_PLACEMENT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sharding/shard_map.h"
#include "common/sharding/table_spec.h"

namespace downpour {

// Of a shard, where nobody says otherwise: 1 MiB of float32, which is one piece on the wire and fits into a core's
// cache. So a push to a shard is whole when its message is: it is applied while it is still in the cache, keeps nothing
// of the transport, and needs no more in flight than the message behind it. (With 4 MiB, two clients pushed at 0.82
// instead of 0.94 of raw TCP, and a server under overload took 350 instead of 210 MiB: tests/data_plane:overload_test.)
inline constexpr uint64_t kShardElements = kShardElementsMax / 4;

// The first map of a job (epoch 1). Every table is cut into shards of `shard_elements` elements (1 to
// kShardElementsMax) and one with the rest; the largest shards are placed first, each on the server that has the fewest
// bytes so far, so that no server has more than the mean and one shard. Ties go by table name, first element and server
// number: the same tables and servers, in whatever order they are listed, always give the same placement.
// INVALID_ARGUMENT as ShardMap::FromProto.
absl::StatusOr<ShardMap> PlaceTables(std::span<const TableSpec> tables, std::span<const ServerId> servers,
                                     uint64_t shard_elements = kShardElements);

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
