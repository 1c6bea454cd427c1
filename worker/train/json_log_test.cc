#include "worker/train/json_log.h"

#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/log_capture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Json = nlohmann::ordered_json;

std::string Path(const std::string& name) { return ::testing::TempDir() + "/json_log_" + name; }

absl::Time Noon() { return absl::FromUnixSeconds(1'600'000'000) + absl::Milliseconds(250); }

std::vector<Json> Lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::string OpenError(const std::string& path) { return std::string(JsonLog::Create(path).status().message()); }

TEST(JsonLogTest, WritesEachEventAsALineThatIsThereAtOnce) {
  const std::string path = Path("all");
  auto log = JsonLog::Create(path, &Noon);
  ASSERT_TRUE(log.ok()) << log.status();
  RunStart run;
  run.job = "fashion";
  run.devices = {"cpu:0"};
  run.steps = 9380;
  (*log)->Started(run);
  ASSERT_THAT(Lines(path), SizeIs(1));
  const Json start = Lines(path)[0];
  EXPECT_EQ(start.begin().key(), "event");
  EXPECT_EQ(start["event"], "start");
  EXPECT_EQ(start["time"], "2020-09-13T12:26:40.250Z");
  EXPECT_EQ(start["devices"], Json::array({"cpu:0"}));
  EXPECT_EQ(start["steps"], 9380);
  EXPECT_EQ(start["seconds_allowed"], nullptr);

  (*log)->Progressed({.step = 50, .epoch = 0.5, .examples = 3200, .seconds = 1.5, .loss = 0.1, .accuracy = 0.75});
  EXPECT_EQ(Lines(path)[1].dump(),
            R"({"event":"step","step":50,"epoch":0.5,"examples":3200,"seconds":1.5,"loss":0.1,"accuracy":0.75,)"
            R"("learning_rate":0.0,"examples_per_second":0.0,"staleness":0.0})");

  const RunEvaluation evaluation = {.step = 50, .split = "test", .loss = 0.3, .accuracy = 0.9, .best = true};
  (*log)->Evaluated(evaluation);
  EXPECT_EQ(Lines(path)[2]["event"], "eval");
  EXPECT_EQ(Lines(path)[2]["split"], "test");
  EXPECT_EQ(Lines(path)[2]["best"], true);

  RunEnd ended;
  ended.reason = "done";
  ended.steps = 100;
  ended.examples = 6400;
  ended.seconds = 3;
  ended.examples_per_second = 2133;
  ended.last = ended.best = evaluation;
  ended.staleness_mean = 0.5;
  ended.staleness = {{0, 50}, {1, 50}};
  ended.dropped_pushes = 3;
  ended.replicas.push_back({.worker = 1, .device = "cpu:1", .steps = 50, .phases = {.compute = 2.5}});
  (*log)->Ended(ended);
  const Json end = Lines(path)[3];
  EXPECT_EQ(end["event"], "end");
  EXPECT_EQ(end["outcome"], "done");
  EXPECT_EQ(end["error"], nullptr);
  EXPECT_EQ(end["steps"], 100);
  EXPECT_EQ(end["examples"], 6400);
  EXPECT_EQ(end["seconds"], 3.0);
  EXPECT_EQ(end["examples_per_second"], 2133.0);
  EXPECT_EQ(end["test_accuracy"], 0.9);
  EXPECT_EQ(end["staleness_mean"], 0.5);
  EXPECT_EQ(end["staleness"].dump(), R"({"0":50,"1":50})");
  EXPECT_EQ(end["best"]["step"], 50);
  EXPECT_EQ(end["replicas"][0]["seconds"]["compute"], 2.5);
}

TEST(JsonLogTest, WhatIsNotFiniteIsNull) {
  const std::string path = Path("null");
  auto log = JsonLog::Create(path);
  ASSERT_TRUE(log.ok());
  (*log)->Progressed({.loss = NAN, .accuracy = INFINITY});
  EXPECT_EQ(Lines(path)[0]["loss"], nullptr);
  EXPECT_EQ(Lines(path)[0]["accuracy"], nullptr);
  RunEnd end;
  end.status = absl::InternalError("the loss is \"nan\"\n");
  end.interrupted = true;
  (*log)->Ended(end);
  EXPECT_EQ(Lines(path)[1]["outcome"], "failed");
  EXPECT_EQ(Lines(path)[1]["error"], "the loss is \"nan\"\n");
  EXPECT_EQ(Lines(path)[1]["test_accuracy"], nullptr);
  EXPECT_EQ(Lines(path)[1]["best"], nullptr);
}

TEST(JsonLogTest, TestAccuracyIsOfTheTestSplitAlsoWhereAnotherWasEvaluatedLast) {
  const std::string path = Path("split");
  auto log = JsonLog::Create(path);
  ASSERT_TRUE(log.ok());
  (*log)->Evaluated({.split = "test", .accuracy = 0.5});
  RunEnd end;
  end.interrupted = true;
  end.last = RunEvaluation{.split = "validation", .accuracy = 0.7};
  (*log)->Ended(end);
  EXPECT_EQ(Lines(path)[1]["test_accuracy"], 0.5);
  EXPECT_EQ(Lines(path)[1]["outcome"], "interrupted");
}

TEST(JsonLogTest, TakesNamesThatAreNotUtf8AndReplacesTheLogOfAnEarlierRun) {
  const std::string path = Path("again");
  std::ofstream(path) << "an earlier run, longer than the new one will be\n" << std::string(1000, 'x');
  auto log = JsonLog::Create(path);
  ASSERT_TRUE(log.ok());
  RunStart start;
  start.job = "a\xff";
  (*log)->Started(start);
  ASSERT_THAT(Lines(path), SizeIs(1));
  EXPECT_EQ(Lines(path)[0]["job"], "a\xef\xbf\xbd");
}

TEST(JsonLogTest, SaysWhatIsInTheWayOfOpening) {
  EXPECT_THAT(OpenError(::testing::TempDir()), HasSubstr("it is a folder; name a file in it"));
  EXPECT_THAT(OpenError("/nowhere/at/all/run.jsonl"), HasSubstr("there is no folder /nowhere/at/all; make it first"));
  EXPECT_THAT(OpenError(""), HasSubstr("No such file"));
  const std::string file = Path("file");
  std::ofstream(file) << "x";
  EXPECT_THAT(OpenError(file + "/run.jsonl"), HasSubstr("/run.jsonl: Not a directory"));
}

TEST(JsonLogTest, AFullDiskIsReportedOnceAndTheRunGoesOn) {
  auto log = JsonLog::Create("/dev/full");
  ASSERT_TRUE(log.ok());
  const LogCapture capture;
  (*log)->Started({});
  (*log)->Progressed({});
  (*log)->Ended({});
  EXPECT_THAT(capture.lines(), ElementsAre(HasSubstr("cannot write to /dev/full: No space left")));
}

}  // namespace
}  // namespace downpour
