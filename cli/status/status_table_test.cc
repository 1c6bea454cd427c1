#include "cli/status/status_table.h"

#include <sstream>
#include <string>

#include "cli/status/example_cluster.h"
#include "cli/status/safe_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

std::string TextOf(const ExampleCluster& cluster) {
  const ClusterSample before = cluster.At(100);
  return StatusText(MakeClusterView(&before, cluster.At(102)));
}

TEST(StatusTable, ShowsTheRunServersAndWorkersWithinAHundredColumns) {
  const std::string text = TextOf(ExampleCluster::Of(2, 12));
  EXPECT_THAT(text, HasSubstr("example, async, momentum, 2,097,152 parameters on 2 servers, for 1 min 42 s\n"));
  EXPECT_THAT(text, ContainsRegex("step 10,8[0-9][0-9] of 100,000 \\(11%\\), epoch 23.*, 14 min .. s left\n"
                                  "loss 0.4321, 13,593 examples/s, best 0.9012 at step 400\n"));
  EXPECT_THAT(text, ContainsRegex("server/1 +running +4 +8.0 "));
  EXPECT_THAT(text, ContainsRegex("worker/11 +live +90[0-9] +1,133 +18% +71% +4% +7% +1% +cpu:0 +0.1 s +0  host-11\n"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(TextColumns(line), 100u) << line;
}

TEST(StatusTable, SaysWhatIsWrongBelow) {
  ExampleCluster cluster = ExampleCluster::Of(2, 2);
  cluster.servers[1].answers = false;
  cluster.workers[1].state = wire::WorkerStatus::DEAD;
  cluster.workers[1].silent_seconds = 12;
  const std::string text = TextOf(cluster);
  EXPECT_THAT(text, ContainsRegex("server/1 +no answer +- +- "));
  EXPECT_THAT(text, HasSubstr("! server/1: no answer from 10.0.0.2:7070: connection refused"));
  EXPECT_THAT(text, HasSubstr("! worker/1: given up for dead, last heard of 12 s ago\n"));
}

TEST(StatusTable, SaysWhyARunIsOver) {
  ExampleCluster cluster = ExampleCluster::Of(1, 1);
  cluster.finished = true;
  EXPECT_THAT(TextOf(cluster), HasSubstr("\nfinished: all 100,000 steps are done\n"));
}

TEST(StatusTable, ALongListOfProblemsIsCut) {
  ExampleCluster cluster = ExampleCluster::Of(1, 50);
  for (ExampleWorker& worker : cluster.workers) worker.answers = false;
  EXPECT_THAT(TextOf(cluster), HasSubstr("! and 30 more\n"));
}

}  // namespace
}  // namespace downpour
