#include "common/sharding/placement.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

// A shard on its way to a server.
struct Parcel {
  uint64_t bytes = 0;
  ShardProto* shard = nullptr;
};

// Largest first; equal ones by table name and first element.
bool PlacedBefore(const Parcel& a, const Parcel& b) {
  if (a.bytes != b.bytes) return a.bytes > b.bytes;
  const int order = a.shard->table().compare(b.shard->table());
  if (order != 0) return order < 0;
  return a.shard->first_element() < b.shard->first_element();
}

using Loads = std::map<ServerId, uint64_t>;  // bytes

// Gives each parcel to the server with the fewest bytes at that moment, the lowest number among equals.
void PlaceGreedily(std::vector<Parcel> parcels, Loads* loads) {
  std::sort(parcels.begin(), parcels.end(), PlacedBefore);
  std::set<std::pair<uint64_t, ServerId>> by_load;
  for (const auto& [server, bytes] : *loads) by_load.emplace(bytes, server);
  for (const Parcel& parcel : parcels) {
    const auto [bytes, server] = *by_load.begin();
    by_load.erase(by_load.begin());
    by_load.emplace(bytes + parcel.bytes, server);
    parcel.shard->set_server(server);
    (*loads)[server] += parcel.bytes;
  }
}

// The server with the most bytes (or the fewest), the lowest number among equals.
ServerId Extreme(const Loads& loads, const std::vector<ServerId>& among, bool most) {
  return *std::min_element(among.begin(), among.end(), [&](ServerId a, ServerId b) {
    const uint64_t x = loads.at(a);
    const uint64_t y = loads.at(b);
    if (x != y) return most ? x > y : x < y;
    return a < b;
  });
}

// Moves shards from `old_servers` to `added` until every added server has its fair share or nothing is gained.
void FillAdded(std::map<ServerId, std::vector<Parcel>> owned, const std::vector<ServerId>& old_servers,
               const std::vector<ServerId>& added, Loads* loads) {
  uint64_t total = 0;
  for (const auto& [server, bytes] : *loads) total += bytes;
  const uint64_t fair = total / loads->size();
  for (auto& [server, parcels] : owned) std::sort(parcels.begin(), parcels.end(), PlacedBefore);
  while (true) {
    const ServerId to = Extreme(*loads, added, /*most=*/false);
    const ServerId from = Extreme(*loads, old_servers, /*most=*/true);
    uint64_t& to_bytes = (*loads)[to];
    uint64_t& from_bytes = (*loads)[from];
    std::vector<Parcel>& parcels = owned[from];
    if (to_bytes >= fair || parcels.empty()) return;
    // The largest that fits in what is missing, or else the smallest there is.
    auto chosen = std::find_if(parcels.begin(), parcels.end(),
                               [&](const Parcel& parcel) { return parcel.bytes <= fair - to_bytes; });
    if (chosen == parcels.end()) --chosen;
    if (to_bytes + chosen->bytes >= from_bytes) return;  // would only change who has too much
    from_bytes -= chosen->bytes;
    to_bytes += chosen->bytes;
    chosen->shard->set_server(to);
    parcels.erase(chosen);
  }
}

}  // namespace

absl::StatusOr<ShardMap> PlaceTables(std::span<const TableSpec> tables, std::span<const ServerId> servers,
                                     uint64_t shard_elements) {
  ShardMapProto proto;
  proto.set_epoch(1);
  if (servers.empty()) return absl::InvalidArgumentError("tables cannot be placed: there are no servers");
  if (shard_elements == 0 || shard_elements > kShardElementsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("tables cannot be placed in shards of ", shard_elements, " elements; 1 to ", kShardElementsMax));
  }
  for (const ServerId server : servers) proto.add_servers(server);
  uint64_t shards = 0;
  for (const TableSpec& table : tables) {
    *proto.add_tables() = table.ToProto();
    shards += (table.element_count + shard_elements - 1) / shard_elements;
    if (shards > kShardsMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("tables cannot be placed: they have more than ", kShardsMax, " shards"));
    }
  }
  std::vector<Parcel> parcels;
  proto.mutable_shards()->Reserve(static_cast<int>(shards));
  for (const TableSpec& table : tables) {
    for (uint64_t first = 0; first < table.element_count; first += shard_elements) {
      ShardProto* shard = proto.add_shards();
      shard->set_table(table.name);
      shard->set_first_element(first);
      shard->set_element_count(std::min(shard_elements, table.element_count - first));
      parcels.push_back({shard->element_count() * DTypeSize(table.dtype), shard});
    }
  }
  Loads loads;
  for (const ServerId server : servers) loads.try_emplace(server, 0);
  PlaceGreedily(std::move(parcels), &loads);
  return ShardMap::FromProto(proto);
}

absl::StatusOr<RebalancedMap> Rebalance(const ShardMap& map, std::span<const ServerId> servers) {
  if (servers.empty()) return absl::InvalidArgumentError("shards cannot be placed: no server is left");
  ShardMapProto proto = map.ToProto();
  proto.set_epoch(map.epoch() + 1);
  proto.clear_servers();
  Loads loads;
  for (const ServerId server : servers) {
    proto.add_servers(server);
    loads.try_emplace(server, 0);
  }

  std::vector<Parcel> orphans;
  for (size_t id = 0; id < map.shards().size(); ++id) {
    const ShardPlacement& shard = map.shards()[id];
    const auto load = loads.find(shard.server);
    if (load != loads.end()) {
      load->second += map.BytesOf(shard);
    } else {
      orphans.push_back({map.BytesOf(shard), proto.mutable_shards(static_cast<int>(id))});
    }
  }
  PlaceGreedily(std::move(orphans), &loads);

  std::vector<ServerId> old_servers, added;
  for (const auto& [server, bytes] : loads) {
    (std::ranges::binary_search(map.servers(), server) ? old_servers : added).push_back(server);
  }
  if (!old_servers.empty() && !added.empty()) {
    std::map<ServerId, std::vector<Parcel>> owned;
    for (size_t id = 0; id < map.shards().size(); ++id) {
      ShardProto* shard = proto.mutable_shards(static_cast<int>(id));
      owned[shard->server()].push_back({map.BytesOf(map.shards()[id]), shard});
    }
    FillAdded(std::move(owned), old_servers, added, &loads);
  }

  DP_ASSIGN_OR_RETURN(ShardMap rebalanced, ShardMap::FromProto(proto));
  std::vector<ShardMove> moves;
  for (size_t id = 0; id < map.shards().size(); ++id) {
    const ServerId from = map.shards()[id].server;
    const ServerId to = rebalanced.shards()[id].server;
    if (from != to) moves.push_back({static_cast<ShardId>(id), from, to});
  }
  return RebalancedMap{std::move(rebalanced), std::move(moves)};
}

}  // namespace downpour
