#include "common/config/text_config.h"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "common/base/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/optimizer.pb.h"
#include "proto/shard_map.pb.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kMap[] = R"(epoch: 1
servers: [3, 5]
tables {
  name: "a"
  dimensions: 2
  initializer { constant { value: 1 } }
}
tables {
  name: "b"
}
)";

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// Sets by `assignment` in kMap and gives back the message in short.
std::string Overridden(std::string_view assignment) {
  ShardMapProto map;
  ConfigOrigins origins;
  EXPECT_TRUE(ParseConfig(kMap, "map", &map, &origins).ok());
  const std::string before = map.SerializeAsString();
  const absl::Status status = OverrideConfig(assignment, &map, &origins);
  if (!status.ok()) {
    EXPECT_EQ(map.SerializeAsString(), before) << "changed in spite of " << status;
    return Message(status);
  }
  return map.ShortDebugString();
}

TEST(TextConfigTest, KnowsWhereEachFieldCameFrom) {
  ShardMapProto map;
  ConfigOrigins origins;
  ASSERT_TRUE(ParseConfig(kMap, "map.textproto", &map, &origins).ok());
  EXPECT_EQ(origins.Describe("epoch"), "map.textproto:1:1: epoch");
  EXPECT_EQ(origins.Describe("servers[1]"), "map.textproto:2:1: servers[1]");
  EXPECT_EQ(origins.Describe("tables[0].initializer.constant.value"),
            "map.textproto:6:28: tables[0].initializer.constant.value");
  EXPECT_EQ(origins.Describe("tables[1].name"), "map.textproto:9:3: tables[1].name");
  // What is nowhere has the place of what is around it.
  EXPECT_EQ(origins.Describe("tables[1].initializer.constant"), "map.textproto:8:1: tables[1].initializer.constant");
  EXPECT_EQ(origins.Describe("shards[0].table"), "map.textproto: shards[0].table");
  EXPECT_EQ(Message(origins.Annotate(absl::InvalidArgumentError("too small"), "epoch")),
            "map.textproto:1:1: epoch: too small");
  EXPECT_EQ(Message(origins.Annotate(absl::InvalidArgumentError("too small"), "")), "map.textproto: too small");
  EXPECT_TRUE(origins.Annotate(absl::OkStatus(), "epoch").ok());
}

TEST(TextConfigTest, AMessageMayComeFromAnotherFile) {
  ShardMapProto map;
  ConfigOrigins origins;
  ASSERT_TRUE(ParseConfig(kMap, "outer", &map, &origins).ok());
  ConfigOrigins inner;
  ASSERT_TRUE(ParseConfig("\nname: 'x'", "inner", map.mutable_tables(1), &inner).ok());
  origins.Graft("tables[1]", inner);
  EXPECT_EQ(origins.Describe("tables[1].name"), "inner:2:1: tables[1].name");
  EXPECT_EQ(origins.Describe("tables[1].dtype"), "inner: tables[1].dtype");
  EXPECT_EQ(origins.Describe("tables[0].name"), "outer:4:3: tables[0].name");
}

TEST(TextConfigTest, ErrorsNameFileLineAndColumnAllOfThem) {
  ShardMapProto map;
  EXPECT_THAT(Message(ParseConfig("epoch: 1\nepock: 2\n", "m.txt", &map)),
              AllOf(StartsWith("m.txt:2:"), HasSubstr("epock")));
  EXPECT_THAT(Message(ParseConfig("epoch: -1", "m.txt", &map)), StartsWith("m.txt:1:8: "));
  EXPECT_THAT(Message(ParseConfig("tables { name: 'a' ", "m.txt", &map)), StartsWith("m.txt:1:"));
  EXPECT_THAT(Message(ParseConfig("epoch: 1 epoch: 2", "m.txt", &map)), HasSubstr("epoch"));
}

TEST(TextConfigTest, MessagesNestedWithoutEndAreRefused) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "a{";
  ShardMapProto map;
  EXPECT_FALSE(ParseConfig(text, "deep", &map).ok());
}

TEST(TextConfigTest, OverridesNumbersStringsAndMessages) {
  EXPECT_THAT(Overridden("epoch=7"), StartsWith("epoch: 7 servers: 3 servers: 5"));
  EXPECT_THAT(Overridden("tables[0].name=conv 1"), HasSubstr("name: \"conv 1\" dimensions: 2"));
  EXPECT_THAT(Overridden("tables[0].name=\"x\""), HasSubstr("name: \"x\""));
  EXPECT_THAT(Overridden("tables[0].name=it's \"so\"\\"), HasSubstr(R"(name: "it\'s \"so\"\\")"));
  EXPECT_THAT(Overridden("tables[0].dtype=BFLOAT16"), HasSubstr("dtype: BFLOAT16"));
  EXPECT_THAT(Overridden("tables[0].initializer={ zeros {} }"), HasSubstr("initializer { zeros { } }"));
}

TEST(TextConfigTest, OverridesAndAddsToLists) {
  EXPECT_THAT(Overridden("servers[0]=9"), HasSubstr("servers: 9 servers: 5"));
  EXPECT_THAT(Overridden("servers[2]=9"), HasSubstr("servers: 3 servers: 5 servers: 9"));
  EXPECT_THAT(Overridden("tables[1]={name: 'c'}"), HasSubstr("tables { name: \"c\" }"));
  EXPECT_THAT(Overridden("tables[2].name=new"), HasSubstr("tables { name: \"b\" } tables { name: \"new\" }"));
}

TEST(TextConfigTest, AnOverrideSwitchesToAnotherAlternative) {
  EXPECT_THAT(Overridden("tables[0].initializer.normal.stddev=0.5"),
              HasSubstr("initializer { normal { stddev: 0.5 } }"));
}

TEST(TextConfigTest, AnOverrideIsTheOriginOfItsField) {
  ShardMapProto map;
  ConfigOrigins origins;
  EXPECT_TRUE(ParseConfig(kMap, "map", &map, &origins).ok());
  ASSERT_TRUE(OverrideConfig("epoch=2", &map, &origins).ok());
  EXPECT_EQ(origins.Describe("epoch"), "--set: epoch");
}

TEST(TextConfigTest, RefusesOverridesThatMakeNoSenseAndSaysWhatThereIs) {
  EXPECT_THAT(Overridden("epoch"), HasSubstr("write PATH=VALUE"));
  EXPECT_THAT(Overridden("=3"), HasSubstr("write PATH=VALUE"));
  EXPECT_THAT(Overridden("epock=3"), AllOf(HasSubstr("--set epock=3: "), HasSubstr("no field 'epock' in the file"),
                                           HasSubstr("epoch, servers, tables, shards")));
  EXPECT_THAT(Overridden("tables[0].x=3"), HasSubstr("no field 'x' in tables[0]; it has name, dimensions"));
  EXPECT_THAT(Overridden("epoch=many"), HasSubstr("'many' is no value for 'epoch', which takes uint64"));
  EXPECT_THAT(Overridden("epoch=1 servers: 4"), HasSubstr("is no value for 'epoch'"));
  EXPECT_THAT(Overridden("epoch="), HasSubstr("is no value for 'epoch'"));
  EXPECT_THAT(Overridden("tables[0].dtype=FLOAT33"), HasSubstr("FLOAT32, BFLOAT16"));
  EXPECT_THAT(Overridden("tables[0].initializer=5"), HasSubstr("a field of it: zeros, constant"));
  EXPECT_THAT(Overridden("tables.name=a"), HasSubstr("'tables' is a list of 2: name one as tables[0] to tables[2]"));
  EXPECT_THAT(Overridden("tables[3].name=a"), HasSubstr("'tables' is a list of 2"));
  EXPECT_THAT(Overridden("epoch[0]=1"), HasSubstr("has no index"));
  EXPECT_THAT(Overridden("epoch.x=1"), HasSubstr("'epoch' has no fields in it"));
  for (const char* path : {"tables[-1].name=a", "tables[0.name=a", "tables[].name=a", ".epoch=1", "tables[0]..name=a",
                           "tables[99999999999].name=a"}) {
    EXPECT_THAT(Overridden(path), HasSubstr("names with dots")) << path;
  }
}

TEST(TextConfigTest, ReadsFilesAndSaysWhichCannotBeRead) {
  const std::string folder = ::testing::TempDir();
  const std::string name = folder + "/text_config_test.txt";
  std::ofstream(name) << "epoch: 1\n";
  EXPECT_EQ(*ReadConfigFile(name), "epoch: 1\n");
  EXPECT_EQ(ReadConfigFile(name + "x").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(ReadConfigFile(name + "x").status()), HasSubstr(name + "x"));
  EXPECT_THAT(Message(ReadConfigFile(folder).status()), HasSubstr("is a folder"));
  std::ofstream(name) << std::string("a\0b", 3);
  EXPECT_THAT(Message(ReadConfigFile(name).status()), HasSubstr("is not text"));
  EXPECT_THAT(Message(ReadConfigFile("/dev/zero").status()), HasSubstr("more than 16 MiB"));
}

}  // namespace
}  // namespace downpour
