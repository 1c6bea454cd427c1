#include "cli/status/top_frame.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/status/example_cluster.h"
#include "cli/status/safe_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TopModel ModelOf(const ExampleCluster& cluster) {
  TopModel model;
  for (const double at : {100.0, 101.0, 102.0}) {
    const ClusterSample before = cluster.At(at - 1);
    model.Update(MakeClusterView(&before, cluster.At(at)));
  }
  return model;
}

std::string TextOf(const TopModel& model, TopFrameOptions options = {.rows = 30, .columns = 100}) {
  std::string text;
  for (const TopLine& line : TopFrame(model, options)) {
    absl::StrAppend(&text,
                    line.style == TopStyle::kSelected ? "> "
                    : line.style == TopStyle::kBad    ? "! "
                                                      : "",
                    line.text, "\n");
  }
  return text;
}

TEST(TopFrame, ShowsTheRunItsGraphsAndBothTables) {
  const std::string text = TextOf(ModelOf(ExampleCluster::Of(2, 4)));
  EXPECT_THAT(text, AllOf(HasSubstr("example, async, momentum"), HasSubstr("LOSS 0.4321"), HasSubstr("EXAMPLES/S"),
                          HasSubstr("▁▁▁"), HasSubstr("███"), ContainsRegex("server/1 +running"),
                          ContainsRegex("> worker/0 +live"), ContainsRegex("\nworker/3 +live"), HasSubstr("q quit")));
}

TEST(TopFrame, MarksTheColumnThatRowsAreSortedBy) {
  TopModel model = ModelOf(ExampleCluster::Of(1, 2));
  EXPECT_THAT(TextOf(model), HasSubstr("WORKER▾"));
  model.Press(TopKey::kSortRight, 5);
  model.Press(TopKey::kReverse, 5);
  EXPECT_THAT(TextOf(model), HasSubstr("STATE▴"));
  EXPECT_THAT(TextOf(model, {.rows = 30, .columns = 100, .unicode = false}), HasSubstr("STATE^"));
}

TEST(TopFrame, ShowsWhatIsWrong) {
  ExampleCluster cluster = ExampleCluster::Of(2, 2);
  cluster.workers[1].state = wire::WorkerStatus::DEAD;
  cluster.servers[1].answers = false;
  TopModel model = ModelOf(cluster);
  EXPECT_THAT(TextOf(model), AllOf(ContainsRegex("! worker/1 +dead"), ContainsRegex("! server/1 +no answer")));
  model.Press(TopKey::kOtherTable, 5);
  model.Press(TopKey::kDown, 5);
  EXPECT_THAT(TextOf(model), HasSubstr("! server/1: no answer from 10.0.0.2:7070: connection refused"));
}

TEST(TopFrame, ShowsOneTaskInDetail) {
  ExampleCluster cluster = ExampleCluster::Of(2, 3);
  cluster.workers[2].refusals_per_second = {{"server_busy", 2}};
  TopModel model = ModelOf(cluster);
  model.Press(TopKey::kEnd, 5);
  model.Press(TopKey::kEnter, 5);
  EXPECT_THAT(TextOf(model, {.rows = 50, .columns = 100}),
              AllOf(HasSubstr("worker/2, live on host-2, device cpu:0"), ContainsRegex("compute +71% ████"),
                    ContainsRegex("server/1 +grpc +1.0 ms +4.0 ms"), HasSubstr("server_busy: ")));
  model.Press(TopKey::kOtherTable, 5);
  EXPECT_THAT(TextOf(model, {.rows = 50, .columns = 100}),
              AllOf(HasSubstr("server/0 at 10.0.0.1:7070, running on host-s"), HasSubstr("STALENESS (mean 2.0)"),
                    ContainsRegex("2 +100% ███"), ContainsRegex("3  layer3/weights +262,144")));
  model.Press(TopKey::kBack, 5);
  EXPECT_THAT(TextOf(model), HasSubstr("EXAMPLES/S"));
}

TEST(TopFrame, ScrollsSoThatTheSelectedRowIsSeen) {
  TopModel model = ModelOf(ExampleCluster::Of(3, 200));
  for (const TopFrameOptions& options : {TopFrameOptions{.rows = 24, .columns = 80}, {.rows = 16, .columns = 100}}) {
    for (const int steps : {0, 1, 5, 90, 250}) {
      model.Press(TopKey::kHome, 5);
      for (int i = 0; i < steps; ++i) model.Press(TopKey::kDown, 5);
      EXPECT_THAT(TextOf(model, options), HasSubstr(absl::StrCat("> worker/", std::min(steps, 199), " ")));
      EXPECT_THAT(TextOf(model, options), HasSubstr("server/0"));
    }
  }
}

TEST(TopFrame, FitsAnyTerminal) {
  ExampleCluster cluster = ExampleCluster::Of(3, 40);
  cluster.servers[1].answers = false;
  TopModel list = ModelOf(cluster), details = ModelOf(cluster), help = ModelOf(cluster), nothing;
  details.Press(TopKey::kEnter, 5);
  help.Press(TopKey::kHelp, 5);
  for (const TopModel* const model : {&list, &details, &help, &nothing}) {
    for (size_t rows = 0; rows < 60; ++rows) {
      for (const size_t columns : {0, 1, 2, 7, 20, 79, 80, 100, 300}) {
        const auto lines = TopFrame(*model, {.rows = rows, .columns = columns, .asking = "10.0.0.1:7070"});
        EXPECT_LE(lines.size(), std::max<size_t>(rows, 1)) << rows << "x" << columns;
        for (const TopLine& line : lines) EXPECT_LE(TextColumns(line.text), columns);
      }
    }
  }
}

TEST(TopFrame, SaysWhomItAsksUntilThereIsAnAnswer) {
  EXPECT_THAT(TextOf(TopModel(), {.asking = "10.0.0.1:7070"}), HasSubstr("asking 10.0.0.1:7070 ..."));
  TopModel paused = ModelOf(ExampleCluster::Of(1, 1));
  EXPECT_THAT(TextOf(paused), Not(HasSubstr("PAUSED")));
  paused.Press(TopKey::kPause, 5);
  EXPECT_THAT(TextOf(paused), HasSubstr("PAUSED"));
}

}  // namespace
}  // namespace downpour
