#include "cli/status/status_json.h"

#include <string>

#include "cli/status/example_cluster.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

nlohmann::json JsonOf(const ExampleCluster& cluster) {
  const ClusterSample before = cluster.At(100);
  return nlohmann::json::parse(StatusJson(MakeClusterView(&before, cluster.At(102))));
}

TEST(StatusJson, NamesWhatScriptsReadBy) {
  const nlohmann::json json = JsonOf(ExampleCluster::Of(2, 3));
  EXPECT_EQ(json["well"], true);
  EXPECT_EQ(json["job"]["name"], "example");
  EXPECT_EQ(json["job"]["servers"], 2);
  EXPECT_EQ(json["run"]["steps_planned"], 100'000);
  EXPECT_EQ(json["run"]["best_evaluation"]["score"], 0.9012);
  EXPECT_TRUE(json["run"]["last_evaluation"].is_null());
  EXPECT_EQ(json["run"]["finished"], false);
  ASSERT_EQ(json["servers"].size(), 2u);
  EXPECT_EQ(json["servers"][1]["task"], "server/1");
  EXPECT_EQ(json["servers"][0]["shards"], 4);
  EXPECT_EQ(json["servers"][0]["staleness"][0]["staleness"], 2);
  ASSERT_EQ(json["workers"].size(), 3u);
  EXPECT_EQ(json["workers"][2]["name"], "worker/2");
  EXPECT_NEAR(json["workers"][2]["shares"]["compute"].get<double>(), 0.7, 0.02);
  EXPECT_EQ(json["workers"][2]["links"][1]["server"], 1);
  EXPECT_TRUE(json["workers"][2]["problem"].is_null());
}

TEST(StatusJson, WhatIsNotKnownIsNull) {
  ExampleCluster cluster = ExampleCluster::Of(1, 1);
  cluster.servers[0].answers = false;
  const nlohmann::json json = JsonOf(cluster);
  EXPECT_EQ(json["well"], false);
  EXPECT_TRUE(json["run"].is_null());
  EXPECT_TRUE(json["servers"][0]["memory_used"].is_null());
  EXPECT_EQ(json["servers"][0]["state"], "no answer");
  EXPECT_EQ(json["servers"][0]["answered"], false);
}

}  // namespace
}  // namespace downpour
