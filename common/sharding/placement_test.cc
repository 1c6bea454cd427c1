#include "common/sharding/placement.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;

TableSpec Table(const std::string& name, uint64_t elements, DType dtype = DType::kFloat32) {
  TableSpec table;
  table.name = name;
  table.shape = Shape(elements);
  table.element_count = elements;
  table.dtype = dtype;
  return table;
}

std::vector<TableSpec> RandomTables(PhiloxStream* random) {
  std::vector<TableSpec> tables;
  const uint64_t count = 1 + random->UniformInt(30);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t elements = 1 + random->UniformInt(uint64_t{1} << (1 + random->UniformInt(24)));
    tables.push_back(
        Table(absl::StrCat("table", i), elements, random->UniformInt(4) == 0 ? DType::kBFloat16 : DType::kFloat32));
  }
  return tables;
}

std::vector<ServerId> Servers(uint64_t count) {
  std::vector<ServerId> servers;
  for (uint64_t i = 0; i < count; ++i) servers.push_back(static_cast<ServerId>(3 * i));
  return servers;
}

struct Loads {
  std::map<ServerId, uint64_t> bytes;
  uint64_t total = 0;
  uint64_t largest_shard = 0;
  uint64_t most = 0;

  explicit Loads(const ShardMap& map) {
    for (const ServerId server : map.servers()) bytes[server] = 0;
    for (const ShardPlacement& shard : map.shards()) {
      bytes[shard.server] += map.BytesOf(shard);
      total += map.BytesOf(shard);
      largest_shard = std::max(largest_shard, map.BytesOf(shard));
    }
    for (const auto& [server, load] : bytes) most = std::max(most, load);
  }
  uint64_t mean() const { return total / bytes.size(); }
};

TEST(PlacementTest, CutsTablesIntoFullShardsAndARest) {
  const std::vector<TableSpec> tables = {Table("a", 2 * kShardElements + 5), Table("b", 1)};
  const absl::StatusOr<ShardMap> map = PlaceTables(tables, Servers(2));
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->epoch(), 1u);
  EXPECT_THAT(map->shards(),
              ElementsAre(ShardPlacement{0, 0, kShardElements, 0}, ShardPlacement{0, kShardElements, kShardElements, 3},
                          ShardPlacement{0, 2 * kShardElements, 5, 0}, ShardPlacement{1, 0, 1, 3}));
}

TEST(PlacementTest, CutsAsItIsTold) {
  const std::vector<TableSpec> tables = {Table("a", 7)};
  const auto map = PlaceTables(tables, Servers(1), /*shard_elements=*/3);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->shards().size(), 3u);
  EXPECT_FALSE(PlaceTables(tables, Servers(1), 0).ok());
  EXPECT_FALSE(PlaceTables(tables, Servers(1), kShardElementsMax + 1).ok());
}

TEST(PlacementTest, NoServerHasMoreThanTheMeanAndOneShard) {
  PhiloxStream random(1);
  for (int round = 0; round < 300; ++round) {
    const std::vector<TableSpec> tables = RandomTables(&random);
    const absl::StatusOr<ShardMap> map = PlaceTables(tables, Servers(1 + random.UniformInt(12)));
    ASSERT_TRUE(map.ok()) << map.status();
    const Loads loads(*map);
    EXPECT_LE(loads.most, loads.mean() + loads.largest_shard) << map->ToText();
  }
}

TEST(PlacementTest, TheOrderOfTablesAndServersDoesNotMatter) {
  PhiloxStream random(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<TableSpec> tables = RandomTables(&random);
    std::vector<ServerId> servers = Servers(1 + random.UniformInt(12));
    const absl::StatusOr<ShardMap> map = PlaceTables(tables, servers);
    random.Shuffle(tables);
    random.Shuffle(servers);
    const absl::StatusOr<ShardMap> shuffled = PlaceTables(tables, servers);
    ASSERT_TRUE(map.ok() && shuffled.ok());
    std::map<std::string, ServerId> owner, shuffled_owner;
    for (size_t id = 0; id < map->shards().size(); ++id) {
      owner[map->NameOf(id)] = map->shards()[id].server;
      shuffled_owner[shuffled->NameOf(id)] = shuffled->shards()[id].server;
    }
    EXPECT_EQ(owner, shuffled_owner);
  }
}

TEST(PlacementTest, AnAddedServerMovesNoMoreThanItsFairShareAndOneShard) {
  PhiloxStream random(3);
  for (int round = 0; round < 300; ++round) {
    const std::vector<TableSpec> tables = RandomTables(&random);
    std::vector<ServerId> servers = Servers(1 + random.UniformInt(8));
    absl::StatusOr<ShardMap> map = PlaceTables(tables, servers);
    ASSERT_TRUE(map.ok()) << map.status();
    for (int added = 0; added < 3; ++added) {
      const ServerId fresh = 1 + 3 * static_cast<ServerId>(added);
      servers.push_back(fresh);
      absl::StatusOr<RebalancedMap> after = Rebalance(*map, servers);
      ASSERT_TRUE(after.ok()) << after.status();
      EXPECT_EQ(after->map.epoch(), map->epoch() + 1);
      uint64_t moved = 0;
      for (const ShardMove& move : after->moves) {
        EXPECT_EQ(move.to, fresh);
        EXPECT_EQ(move.from, map->shards()[move.shard].server);
        moved += map->BytesOf(map->shards()[move.shard]);
      }
      const Loads loads(after->map);
      EXPECT_LE(moved, loads.mean() + loads.largest_shard);
      if (added == 0) {
        EXPECT_LE(loads.most, loads.mean() + loads.largest_shard) << map->ToText();
      }
      *map = std::move(after->map);
    }
  }
}

TEST(PlacementTest, ManyEqualShardsAreSpreadEvenlyOverAnAddedServer) {
  const std::vector<TableSpec> tables = {Table("a", 60 * kShardElements)};
  const absl::StatusOr<ShardMap> map = PlaceTables(tables, std::vector<ServerId>{0, 1});
  ASSERT_TRUE(map.ok());
  const absl::StatusOr<RebalancedMap> after = Rebalance(*map, std::vector<ServerId>{0, 1, 2});
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->moves.size(), 20u);
  for (ServerId server = 0; server < 3; ++server) EXPECT_EQ(after->map.ShardsOfServer(server).size(), 20u);
}

TEST(PlacementTest, AnAddedServerTakesNoMoreThanItsShareOfALopsidedMapEither) {
  ShardMapProto proto;
  proto.set_epoch(1);
  for (const ServerId server : {0, 1}) proto.add_servers(server);
  *proto.add_tables() = Table("a", 12).ToProto();
  for (uint64_t first = 0; first < 12; ++first) {
    ShardProto* shard = proto.add_shards();
    shard->set_table("a");
    shard->set_first_element(first);
    shard->set_element_count(1);
    shard->set_server(0);  // all of them
  }
  const absl::StatusOr<ShardMap> map = ShardMap::FromProto(proto);
  ASSERT_TRUE(map.ok()) << map.status();
  const absl::StatusOr<RebalancedMap> after = Rebalance(*map, std::vector<ServerId>{0, 1, 2});
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->moves.size(), 4u);
  EXPECT_EQ(after->map.ShardsOfServer(1).size(), 0u) << "what stays, stays";
}

TEST(PlacementTest, ARemovedServerMovesOnlyWhatItHad) {
  PhiloxStream random(4);
  for (int round = 0; round < 300; ++round) {
    const std::vector<TableSpec> tables = RandomTables(&random);
    std::vector<ServerId> servers = Servers(2 + random.UniformInt(8));
    const absl::StatusOr<ShardMap> map = PlaceTables(tables, servers);
    ASSERT_TRUE(map.ok()) << map.status();
    const ServerId gone = servers[random.UniformInt(servers.size())];
    servers.erase(std::find(servers.begin(), servers.end(), gone));
    const absl::StatusOr<RebalancedMap> after = Rebalance(*map, servers);
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(after->moves.size(), map->ShardsOfServer(gone).size());
    for (const ShardMove& move : after->moves) EXPECT_EQ(move.from, gone);
    const Loads loads(after->map);
    EXPECT_LE(loads.most, loads.mean() + loads.largest_shard);
  }
}

TEST(PlacementTest, AServerReplacedByAnotherHandsItsShardsOver) {
  const std::vector<TableSpec> tables = {Table("a", 12 * kShardElements)};
  const absl::StatusOr<ShardMap> map = PlaceTables(tables, std::vector<ServerId>{0, 1, 2});
  ASSERT_TRUE(map.ok());
  const absl::StatusOr<RebalancedMap> after = Rebalance(*map, std::vector<ServerId>{0, 2, 5});
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->map.ShardsOfServer(5), map->ShardsOfServer(1));
  EXPECT_EQ(after->moves.size(), 4u);
}

TEST(PlacementTest, TheSameServersMoveNothing) {
  PhiloxStream random(5);
  const absl::StatusOr<ShardMap> map = PlaceTables(RandomTables(&random), Servers(5));
  ASSERT_TRUE(map.ok());
  const absl::StatusOr<RebalancedMap> after = Rebalance(*map, Servers(5));
  ASSERT_TRUE(after.ok());
  EXPECT_TRUE(after->moves.empty());
}

TEST(PlacementTest, AllServersMayBeNewAndNoneIsRefused) {
  PhiloxStream random(6);
  const absl::StatusOr<ShardMap> map = PlaceTables(RandomTables(&random), std::vector<ServerId>{0});
  ASSERT_TRUE(map.ok());
  EXPECT_TRUE(Rebalance(*map, std::vector<ServerId>{1, 2}).ok());
  EXPECT_FALSE(Rebalance(*map, {}).ok());
  EXPECT_FALSE(Rebalance(*map, std::vector<ServerId>{1, 1}).ok());
  EXPECT_FALSE(PlaceTables({}, {}).ok());
  EXPECT_FALSE(PlaceTables(std::vector<TableSpec>{Table("a", 1), Table("a", 2)}, Servers(1)).ok());
}

}  // namespace
}  // namespace downpour
