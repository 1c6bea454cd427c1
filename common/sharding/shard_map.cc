#include "common/sharding/shard_map.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/config/text_config.h"
#include "google/protobuf/text_format.h"

namespace downpour {
namespace {

std::string RangeName(const std::string& table, uint64_t first, uint64_t count) {
  return absl::StrCat(table, "[", first, ", ", first + count, ")");
}

}  // namespace

absl::StatusOr<ShardMap> ShardMap::FromProto(const ShardMapProto& proto) {
  ShardMap map;
  if (proto.epoch() == 0) return absl::InvalidArgumentError("shard map: the epoch is missing or 0; epochs start at 1");
  map.epoch_ = proto.epoch();
  DP_RETURN_IF_ERROR(Annotate(map.ReadServers(proto), "shard map"));
  DP_RETURN_IF_ERROR(Annotate(map.ReadTables(proto), "shard map"));
  DP_RETURN_IF_ERROR(Annotate(map.ReadShards(proto), "shard map"));
  DP_RETURN_IF_ERROR(Annotate(map.CheckCover(), "shard map"));
  return map;
}

absl::Status ShardMap::ReadServers(const ShardMapProto& proto) {
  if (proto.servers().empty()) return absl::InvalidArgumentError("has no servers");
  if (static_cast<size_t>(proto.servers_size()) > kServersMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", proto.servers_size(), " servers; at most ", kServersMax, " are allowed"));
  }
  servers_.assign(proto.servers().begin(), proto.servers().end());
  std::sort(servers_.begin(), servers_.end());
  const auto twice = std::adjacent_find(servers_.begin(), servers_.end());
  if (twice != servers_.end()) return absl::InvalidArgumentError(absl::StrCat("server ", *twice, " is listed twice"));
  return absl::OkStatus();
}

absl::Status ShardMap::ReadTables(const ShardMapProto& proto) {
  if (static_cast<size_t>(proto.tables_size()) > kTablesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", proto.tables_size(), " tables; at most ", kTablesMax, " are allowed"));
  }
  for (const TableProto& table_proto : proto.tables()) {
    DP_ASSIGN_OR_RETURN(TableSpec table, TableSpec::FromProto(table_proto));
    if (!table_by_name_.try_emplace(table.name, static_cast<TableIndex>(tables_.size())).second) {
      return absl::InvalidArgumentError(absl::StrCat("the table ", table.name, " is described twice"));
    }
    tables_.push_back(std::move(table));
  }
  return absl::OkStatus();
}

absl::Status ShardMap::ReadShards(const ShardMapProto& proto) {
  if (static_cast<size_t>(proto.shards_size()) > kShardsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", proto.shards_size(), " shards; at most ", kShardsMax, " are allowed"));
  }
  shards_.reserve(proto.shards_size());
  for (const ShardProto& shard : proto.shards()) {
    const std::optional<TableIndex> table = FindTable(shard.table());
    if (!table.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("a shard is of the table \"", absl::CHexEscape(shard.table()), "\", which is not described"));
    }
    DP_RETURN_IF_ERROR(CheckShard(shard, *table));
    shards_.push_back({*table, shard.first_element(), shard.element_count(), shard.server()});
  }
  std::sort(shards_.begin(), shards_.end(), [](const ShardPlacement& a, const ShardPlacement& b) {
    return std::pair(a.table, a.first_element) < std::pair(b.table, b.first_element);
  });
  return absl::OkStatus();
}

absl::Status ShardMap::CheckShard(const ShardProto& shard, TableIndex table) const {
  const uint64_t first = shard.first_element();
  const uint64_t count = shard.element_count();
  const uint64_t elements = tables_[table].element_count;
  if (count == 0) {
    return absl::InvalidArgumentError(absl::StrCat("the shard of ", shard.table(), " at ", first, " has no elements"));
  }
  if (count > kShardElementsMax) {
    return absl::InvalidArgumentError(absl::StrCat("the shard of ", shard.table(), " at ", first, " has ", count,
                                                   " elements; at most ", kShardElementsMax, " are allowed"));
  }
  if (first >= elements || count > elements - first) {
    return absl::InvalidArgumentError(absl::StrCat("the shard of ", shard.table(), " with ", count, " elements from ",
                                                   first, " on goes beyond the table's ", elements));
  }
  if (!std::binary_search(servers_.begin(), servers_.end(), shard.server())) {
    return absl::InvalidArgumentError(absl::StrCat("the shard ", RangeName(shard.table(), first, count),
                                                   " is given to server ", shard.server(),
                                                   ", which is not among the servers"));
  }
  return absl::OkStatus();
}

absl::Status ShardMap::CheckCover() {
  size_t next = 0;
  for (TableIndex table = 0; table < tables_.size(); ++table) {
    const std::string& name = tables_[table].name;
    first_shard_.push_back(static_cast<ShardId>(next));
    uint64_t covered = 0;
    for (; next < shards_.size() && shards_[next].table == table; ++next) {
      const ShardPlacement& shard = shards_[next];
      if (shard.first_element > covered) {
        return absl::InvalidArgumentError(
            absl::StrCat("no shard has the elements ", RangeName(name, covered, shard.first_element - covered)));
      }
      if (shard.first_element < covered) {
        const uint64_t end = std::min(covered, shard.first_element + shard.element_count);
        return absl::InvalidArgumentError(absl::StrCat(
            "two shards have the elements ", RangeName(name, shard.first_element, end - shard.first_element)));
      }
      covered += shard.element_count;
    }
    if (covered < tables_[table].element_count) {
      return absl::InvalidArgumentError(
          absl::StrCat("no shard has the elements ", RangeName(name, covered, tables_[table].element_count - covered)));
    }
  }
  first_shard_.push_back(static_cast<ShardId>(next));
  return absl::OkStatus();
}

absl::StatusOr<ShardMap> ShardMap::FromText(std::string_view text) {
  ShardMapProto proto;
  DP_RETURN_IF_ERROR(ParseConfig(text, "shard map", &proto));
  return FromProto(proto);
}

ShardMapProto ShardMap::ToProto() const {
  ShardMapProto proto;
  proto.set_epoch(epoch_);
  for (const ServerId server : servers_) proto.add_servers(server);
  for (const TableSpec& table : tables_) *proto.add_tables() = table.ToProto();
  for (const ShardPlacement& placement : shards_) {
    ShardProto* shard = proto.add_shards();
    shard->set_table(tables_[placement.table].name);
    shard->set_first_element(placement.first_element);
    shard->set_element_count(placement.element_count);
    shard->set_server(placement.server);
  }
  return proto;
}

std::string ShardMap::ToText() const {
  std::string text;
  google::protobuf::TextFormat::PrintToString(ToProto(), &text);
  return text;
}

std::optional<TableIndex> ShardMap::FindTable(std::string_view name) const {
  const auto found = table_by_name_.find(ToAbsl(name));
  if (found == table_by_name_.end()) return std::nullopt;
  return found->second;
}

std::vector<ShardId> ShardMap::ShardsOfServer(ServerId server) const {
  std::vector<ShardId> owned;
  for (size_t id = 0; id < shards_.size(); ++id) {
    if (shards_[id].server == server) owned.push_back(static_cast<ShardId>(id));
  }
  return owned;
}

std::string ShardMap::NameOf(ShardId shard) const {
  const ShardPlacement& placement = shards_[shard];
  return RangeName(tables_[placement.table].name, placement.first_element, placement.element_count);
}

}  // namespace downpour
