// Which server owns which part of which table.
#ifndef DOWNPOUR_COMMON_SHARDING_SHARD_MAP_H_
#define DOWNPOUR_COMMON_SHARDING_SHARD_MAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/sharding/table_spec.h"
#include "proto/shard_map.pb.h"

namespace downpour {

inline constexpr uint64_t kShardElementsMax = uint64_t{1} << 20;
inline constexpr size_t kTablesMax = size_t{1} << 20;
inline constexpr size_t kServersMax = size_t{1} << 16;
inline constexpr size_t kShardsMax = size_t{1} << 24;

using ServerId = uint32_t;    // the number of a server task: "server/3" is 3
using TableIndex = uint32_t;  // in ShardMap::tables()
using ShardId = uint32_t;     // in ShardMap::shards(); the same in every epoch of a job

// The range [first_element, first_element + element_count) of one table, and its owner.
struct ShardPlacement {
  TableIndex table = 0;
  uint64_t first_element = 0;
  uint64_t element_count = 0;
  ServerId server = 0;

  friend bool operator==(const ShardPlacement&, const ShardPlacement&) = default;
};

// The checked form of proto/shard_map.proto: every table is covered whole and without overlap by shards of at most
// kShardElementsMax elements, sorted by table and first element, each owned by a server of the map. There is no other
// way to make one. Immutable, so any thread may read it; handed around by shared_ptr<const ShardMap>.
class ShardMap {
 public:
  // INVALID_ARGUMENT, naming the table, shard or server, for anything else; whatever the message holds.
  static absl::StatusOr<ShardMap> FromProto(const ShardMapProto& proto);

  // From protobuf text, as written by ToText; errors in the text name line and column.
  static absl::StatusOr<ShardMap> FromText(std::string_view text);

  ShardMapProto ToProto() const;
  std::string ToText() const;

  uint64_t epoch() const { return epoch_; }
  std::span<const ServerId> servers() const { return servers_; }  // ascending
  std::span<const TableSpec> tables() const { return tables_; }
  std::span<const ShardPlacement> shards() const { return shards_; }

  std::optional<TableIndex> FindTable(std::string_view name) const;

  // The shards of a table are [begin, end) of shards(). Requires table < tables().size().
  struct Range {
    ShardId begin = 0;
    ShardId end = 0;
  };
  Range ShardsOfTable(TableIndex table) const { return {first_shard_[table], first_shard_[table + 1]}; }

  // Ascending. Empty for a server that is not in the map.
  std::vector<ShardId> ShardsOfServer(ServerId server) const;

  uint64_t BytesOf(const ShardPlacement& shard) const {
    return shard.element_count * DTypeSize(tables_[shard.table].dtype);
  }

  // "conv1/weights[0, 1048576)". Requires shard < shards().size().
  std::string NameOf(ShardId shard) const;

 private:
  ShardMap() = default;

  absl::Status ReadServers(const ShardMapProto& proto);
  absl::Status ReadTables(const ShardMapProto& proto);
  absl::Status ReadShards(const ShardMapProto& proto);
  absl::Status CheckShard(const ShardProto& proto, TableIndex table) const;
  absl::Status CheckCover();

  uint64_t epoch_ = 0;
  std::vector<ServerId> servers_;
  std::vector<TableSpec> tables_;
  std::vector<ShardPlacement> shards_;
  std::vector<ShardId> first_shard_;  // of each table, and one past the last
  absl::flat_hash_map<std::string, TableIndex> table_by_name_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_SHARDING_SHARD_MAP_H_
