#include "common/sharding/shard_map.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGood[] = R"pb(
  epoch: 7
  servers: 4
  servers: 0
  tables {
    name: "conv1/weights"
    dimensions: 3
    dimensions: 500000
    initializer { truncated_normal { stddev: 0.05 } }
  }
  tables { name: "step" }
  shards { table: "step" element_count: 1 server: 0 }
  shards { table: "conv1/weights" first_element: 1048576 element_count: 451424 server: 0 }
  shards { table: "conv1/weights" element_count: 1048576 server: 4 }
)pb";

// kGood with one thing changed, so that just that is wrong.
std::string With(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void ExpectRefused(const std::string& text, const std::string& message) {
  const absl::StatusOr<ShardMap> map = ShardMap::FromText(text);
  EXPECT_EQ(map.status().code(), absl::StatusCode::kInvalidArgument) << text;
  EXPECT_THAT(std::string(map.status().message()), HasSubstr(message));
}

TEST(ShardMapTest, ReadsTextInAnyOrderAndSortsIt) {
  const absl::StatusOr<ShardMap> map = ShardMap::FromText(kGood);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->epoch(), 7u);
  EXPECT_THAT(map->servers(), ElementsAre(0, 4));
  ASSERT_EQ(map->tables().size(), 2u);
  EXPECT_EQ(map->tables()[0].shape, (Shape{3, 500000}));
  EXPECT_EQ(map->tables()[0].bytes(), 6000000u);
  EXPECT_EQ(map->tables()[1].element_count, 1u);
  EXPECT_THAT(map->shards(), ElementsAre(ShardPlacement{0, 0, 1048576, 4}, ShardPlacement{0, 1048576, 451424, 0},
                                         ShardPlacement{1, 0, 1, 0}));
  EXPECT_EQ(map->NameOf(1), "conv1/weights[1048576, 1500000)");
  EXPECT_EQ(map->ShardsOfTable(0).end, 2u);
  EXPECT_EQ(map->ShardsOfTable(1).begin, 2u);
  EXPECT_EQ(map->ShardsOfTable(1).end, 3u);
  EXPECT_THAT(map->ShardsOfServer(0), ElementsAre(1, 2));
  EXPECT_THAT(map->ShardsOfServer(3), ElementsAre());
  EXPECT_EQ(map->FindTable("step"), 1u);
  EXPECT_EQ(map->FindTable("nothing"), std::nullopt);
}

TEST(ShardMapTest, WritesTextThatReadsBackTheSame) {
  const absl::StatusOr<ShardMap> map = ShardMap::FromText(kGood);
  ASSERT_TRUE(map.ok()) << map.status();
  const absl::StatusOr<ShardMap> again = ShardMap::FromText(map->ToText());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->ToText(), map->ToText());
  EXPECT_EQ(again->tables()[0].initializer.truncated_normal().stddev(), 0.05);
}

TEST(ShardMapTest, KeepsHowATableIsToBeUpdated) {
  constexpr char kText[] = R"(epoch: 1 servers: 0
      tables { name: "a" dimensions: 2 role: STATE }
      tables { name: "b" dimensions: 2 learning_rate_multiplier: 2 weight_decay: 0 }
      shards { table: "a" element_count: 2 } shards { table: "b" element_count: 2 })";
  const absl::StatusOr<ShardMap> read = ShardMap::FromText(kText);
  ASSERT_TRUE(read.ok()) << read.status();
  const absl::StatusOr<ShardMap> map = ShardMap::FromProto(read->ToProto());
  ASSERT_TRUE(map.ok());
  EXPECT_TRUE(map->tables()[0].is_state);
  EXPECT_FALSE(map->tables()[1].is_state);
  EXPECT_EQ(map->tables()[1].learning_rate_multiplier, 2);
  EXPECT_EQ(map->tables()[1].weight_decay, 0);
  EXPECT_EQ(map->tables()[0].weight_decay, std::nullopt);
  for (const std::string wrong :
       {"weight_decay: -1", "weight_decay: nan", "learning_rate_multiplier: inf", "role: 7"}) {
    EXPECT_FALSE(ShardMap::FromText("epoch: 1 servers: 0 tables { name: 'a' dimensions: 2 " + wrong +
                                    " } shards { table: 'a' element_count: 2 }")
                     .ok())
        << wrong;
  }
}

TEST(ShardMapTest, RefusesTextThatIsNotAMapAndSaysWhere) {
  ExpectRefused("", "epoch");
  ExpectRefused("epoch: 1\nepochs: 2", "shard map:2:");
  ExpectRefused(With("epoch: 7", "epoch: 0"), "epochs start at 1");
  ExpectRefused(With("epoch: 7", "epoch: -7"), "shard map:2:");
}

TEST(ShardMapTest, RefusesServersThatAreMissingOrTwice) {
  ExpectRefused("epoch: 1", "has no servers");
  ExpectRefused(With("servers: 4", "servers: 0"), "server 0 is listed twice");
  ExpectRefused(With("server: 4", "server: 3"),
                "conv1/weights[0, 1048576) is given to server 3, which is not among the servers");
}

TEST(ShardMapTest, RefusesTablesThatMakeNoSense) {
  ExpectRefused(With("name: \"step\"", "name: \"conv1/weights\""), "the table conv1/weights is described twice");
  ExpectRefused(With("name: \"step\"", ""), "a table has no name");
  ExpectRefused(With("name: \"step\"", "name: \"a b\""), "\"a b\" may have only printable");
  ExpectRefused(With("name: \"step\"", "name: \"" + std::string(257, 'x') + "\""), "has 257 bytes");
  ExpectRefused(With("dimensions: 3", "dimensions: 0"), "table conv1/weights: a dimension is 0");
  ExpectRefused(With("dimensions: 3", "dimensions: 18446744073709551615"), "has more than 1099511627776 elements");
  ExpectRefused(With("dimensions: 3", "dimensions: 4294967296 dimensions: 4294967296 dimensions: 0"),
                "has more than 1099511627776 elements");
  ExpectRefused(With("dimensions: 3", "dimensions: [1, 1, 1, 1, 1, 1, 1, 3]"), "has 9 dimensions");
  ExpectRefused(With("name: \"step\"", "name: \"step\" dtype: INT32"), "cannot have the dtype INT32");
}

TEST(ShardMapTest, RefusesGapsOverlapsAndOverflows) {
  ExpectRefused(With("first_element: 1048576 element_count: 451424", "first_element: 1048577 element_count: 451423"),
                "no shard has the elements conv1/weights[1048576, 1048577)");
  ExpectRefused(With("element_count: 451424", "element_count: 451423"),
                "no shard has the elements conv1/weights[1499999, 1500000)");
  ExpectRefused(With("first_element: 1048576 element_count: 451424", "first_element: 1048570 element_count: 451430"),
                "two shards have the elements conv1/weights[1048570, 1048576)");
  ExpectRefused(With("element_count: 451424", "element_count: 451425"), "goes beyond the table's 1500000");
  ExpectRefused(With("first_element: 1048576", "first_element: 18446744073709551615"),
                "goes beyond the table's 1500000");
  ExpectRefused(With("element_count: 1048576", "element_count: 1048577"), "at most 1048576 are allowed");
  ExpectRefused(With("element_count: 1 ", "element_count: 0 "), "the shard of step at 0 has no elements");
  ExpectRefused(With("element_count: 1 ", "element_count: 18446744073709551615 "), "at most 1048576");
  ExpectRefused(With("table: \"step\"", "table: \"stop\""), "a shard is of the table \"stop\", which is not described");
  ExpectRefused(With("shards { table: \"step\" element_count: 1 server: 0 }", ""),
                "no shard has the elements step[0, 1)");
}

TEST(ShardMapTest, NeverCrashesOnAMangledText) {
  const std::string good = kGood;
  for (size_t i = 0; i < good.size(); ++i) {
    for (const char c : {'\0', '9', '}', '"', '-', '\xff'}) {
      std::string text = good;
      text[i] = c;
      (void)ShardMap::FromText(text);
    }
    (void)ShardMap::FromText(good.substr(0, i));
  }
}

}  // namespace
}  // namespace downpour
