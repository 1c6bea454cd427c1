#include "cli/plot/run_log.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/train/json_log.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Write(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "/run_log_" + name;
  std::ofstream(path) << text;
  return path;
}

std::string Error(const std::string& path) { return std::string(ReadRunLog(path).status().message()); }

constexpr char kStep[] = R"({"event":"step","step":50,"seconds":1.5,"loss":2.5,"accuracy":null})";

TEST(RunLogTest, ReadsWhatARunWrites) {
  const std::string path = ::testing::TempDir() + "/run_log_real";
  auto log = JsonLog::Create(path);
  ASSERT_TRUE(log.ok());
  RunStart start;
  start.job = "fashion";
  (*log)->Started(start);
  (*log)->Progressed({.step = 50, .seconds = 1.5, .loss = NAN, .accuracy = 0.25});
  (*log)->Evaluated({.step = 50, .seconds = 2, .split = "test", .loss = 1.5, .accuracy = 0.5});
  (*log)->Evaluated({.step = 50, .seconds = 2, .split = "validation", .loss = 1.25, .accuracy = 0.75});
  (*log)->Ended({});
  const absl::StatusOr<RunLog> read = ReadRunLog(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->job, "fashion");
  ASSERT_THAT(read->training, SizeIs(1));
  EXPECT_EQ(read->training[0].step, 50);
  EXPECT_EQ(read->training[0].seconds, 1.5);
  EXPECT_TRUE(std::isnan(read->training[0].loss));
  EXPECT_EQ(read->training[0].accuracy, 0.25);
  EXPECT_EQ(read->evaluations.at("test")[0].loss, 1.5);
  EXPECT_EQ(read->evaluations.at("validation")[0].accuracy, 0.75);
}

TEST(RunLogTest, TakesALogOfARunThatStillGoesOn) {
  const std::string line = std::string(kStep) + "\n";
  for (const size_t bytes : {size_t{1}, line.size() / 2, line.size() - 2}) {
    const absl::StatusOr<RunLog> log = ReadRunLog(Write("cut", line + line.substr(0, bytes)));
    ASSERT_TRUE(log.ok()) << log.status();
    EXPECT_THAT(log->training, SizeIs(1));
  }
  // Whole, but its line end is still to come.
  EXPECT_THAT(ReadRunLog(Write("cut", line + kStep))->training, SizeIs(2));
}

TEST(RunLogTest, PassesOverWhatItDoesNotKnow) {
  const absl::StatusOr<RunLog> log =
      ReadRunLog(Write("other", std::string(R"({"event":"checkpoint","step":1})") + "\n\n" + kStep + "\r\n"));
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_THAT(log->training, SizeIs(1));
}

TEST(RunLogTest, OfSeveralRunsInOneFileTheLastCounts) {
  const std::string run = std::string(R"({"event":"start","job":"one"})") + "\n" + kStep + "\n";
  const absl::StatusOr<RunLog> log = ReadRunLog(Write("two", run + run));
  EXPECT_THAT(log->training, SizeIs(1));
}

TEST(RunLogTest, LooksIntoAFolder) {
  const std::string folder = ::testing::TempDir() + "/run_log_folder";
  std::filesystem::create_directories(folder);
  EXPECT_THAT(Error(folder), HasSubstr("the folder " + folder + " has no run.jsonl"));
  std::ofstream(folder + "/run.jsonl") << kStep << "\n";
  EXPECT_TRUE(ReadRunLog(folder).ok());
}

TEST(RunLogTest, ErrorsNameFileAndLine) {
  EXPECT_THAT(Error("/nowhere/run.jsonl"), HasSubstr("cannot read /nowhere/run.jsonl: No such file"));
  const std::string start = "{\"event\":\"start\"}\n";
  const auto broken = [&](const std::string& line) {
    return Error(Write("broken", start + line + "\n" + kStep + "\n"));
  };
  EXPECT_THAT(broken("{\"event\":"), HasSubstr("run_log_broken:2: not JSON: {\"event\":"));
  EXPECT_THAT(broken("[1]"), HasSubstr(":2: not a JSON object"));
  EXPECT_THAT(broken("{\"epoch\":1}"), HasSubstr(":2: it has no \"event\""));
  EXPECT_THAT(broken(R"({"event":"step","seconds":1})"), HasSubstr(":2: the event has no number \"step\""));
  EXPECT_THAT(broken(R"({"event":"eval","step":1,"seconds":"x"})"),
              HasSubstr(":2: the event has no number \"seconds\""));
  EXPECT_THAT(broken(R"({"event":"eval","step":1,"seconds":1})"), HasSubstr(":2: the event has no string \"split\""));
  EXPECT_THAT(Error(Write("empty", "")), HasSubstr("nothing to draw"));
  EXPECT_THAT(Error(Write("started", start)), HasSubstr("nothing to draw"));
  EXPECT_THAT(Error("/dev/zero"), HasSubstr("/dev/zero:1: a line of more than"));
}

TEST(RunLogTest, DeepNestingIsNoTrouble) {
  EXPECT_THAT(Error(Write("deep", std::string(900'000, '[') + "\n")), HasSubstr(":1: not JSON: [[["));
  EXPECT_THAT(Error(Write("deep", std::string(400'000, '[') + std::string(400'000, ']') + "\n")),
              HasSubstr(":1: not a JSON object"));
}

TEST(RunNamesTest, AreTheShortestThatTellApart) {
  EXPECT_THAT(RunNames(std::vector<std::string>{"logs/async.jsonl", "/x/sync.json"}), ElementsAre("async", "sync"));
  EXPECT_THAT(RunNames(std::vector<std::string>{"logs/one/run.jsonl", "logs/two", "./logs/three/"}),
              ElementsAre("one", "two", "three"));
  EXPECT_THAT(RunNames(std::vector<std::string>{"a/1/x.jsonl", "b/1/x.jsonl"}), ElementsAre("a/1/x", "b/1/x"));
  EXPECT_THAT(RunNames(std::vector<std::string>{"run.jsonl"}), ElementsAre("run"));
  EXPECT_THAT(RunNames(std::vector<std::string>{"a.jsonl", "a.jsonl"}), ElementsAre("a", "a"));
  EXPECT_THAT(RunNames(std::vector<std::string>{"/a.jsonl", "/b/a.jsonl"}), ElementsAre("/a", "b/a"));
}

}  // namespace
}  // namespace downpour
