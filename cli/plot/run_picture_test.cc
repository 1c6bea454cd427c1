#include "cli/plot/run_picture.h"

#include <cmath>
#include <limits>

#include "cli/plot/run_panels.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

NamedRun MakeRun(const std::string& name, double loss_end, double seconds) {
  NamedRun run = {.name = name, .log = {}};
  for (int i = 1; i <= 100; ++i) {
    const double part = i / 100.0;
    run.log.training.push_back(
        {.step = i * 10.0, .seconds = part * seconds, .loss = 2.3 + (loss_end - 2.3) * part, .accuracy = part * 0.9});
  }
  run.log.evaluations["test"] = {{.step = 500, .seconds = seconds / 2, .loss = 1, .accuracy = 0.5},
                                 {.step = 1000, .seconds = seconds, .loss = loss_end, .accuracy = 0.9123}};
  return run;
}

TEST(RunPanelsTest, ShowLossAndAccuracyAgainstStepsAndTime) {
  const std::vector<NamedRun> runs = {MakeRun("one", 0.2, 600)};
  const std::vector<Panel> panels = MakeRunPanels(runs);
  ASSERT_THAT(panels, SizeIs(4));
  EXPECT_EQ(panels[0].heading, "Loss");
  EXPECT_EQ(panels[0].along, "step");
  EXPECT_EQ(panels[1].along, "time (minutes)");
  EXPECT_EQ(panels[1].x.high, 10);
  EXPECT_EQ(panels[3].heading, "Accuracy");
  // The evaluations fill the axis: they lie between 50 % and 91 %.
  EXPECT_EQ(panels[2].y.ticks.front().label, "40 %");
  EXPECT_EQ(panels[2].y.ticks.back().label, "100 %");
  EXPECT_EQ(panels[2].curves[0].evaluation, (std::vector<CurvePoint>{{500, 50}, {1000, 91.23}}));
}

TEST(RunPanelsTest, TimeIsInAUnitThatFits) {
  EXPECT_EQ(MakeRunPanels(std::vector{MakeRun("one", 0.2, 20)})[1].along, "time (seconds)");
  EXPECT_EQ(MakeRunPanels(std::vector{MakeRun("one", 0.2, 20), MakeRun("two", 0.2, 36000)})[1].along, "time (hours)");
}

TEST(RunPanelsTest, ALossThatFallsFarIsLogarithmic) {
  std::vector<NamedRun> runs = {MakeRun("one", 0.01, 600)};
  runs[0].log.training[50].loss = 0;  // which a logarithm cannot show
  const std::vector<Panel> panels = MakeRunPanels(runs);
  EXPECT_EQ(panels[0].heading, "Loss (logarithmic)");
  EXPECT_TRUE(panels[0].y.logarithmic);
  EXPECT_THAT(panels[0].curves[0].training, SizeIs(99));
  EXPECT_FALSE(panels[2].y.logarithmic);
}

TEST(RunPanelsTest, WhatIsMissingOrHasDivergedIsLeftOut) {
  std::vector<NamedRun> runs = {MakeRun("one", 0.2, 600)};
  runs[0].log.training[3].loss = NAN;
  runs[0].log.training[4].loss = INFINITY;
  runs[0].log.training[5].loss = 1e35;
  for (RunPoint& point : runs[0].log.training) point.accuracy = NAN;
  runs[0].log.evaluations.clear();
  const std::vector<Panel> panels = MakeRunPanels(runs);
  ASSERT_THAT(panels, SizeIs(2));
  EXPECT_THAT(panels[0].curves[0].training, SizeIs(97));
  for (RunPoint& point : runs[0].log.training) point.loss = NAN;
  EXPECT_THAT(MakeRunPanels(runs), IsEmpty());
}

TEST(RunPanelsTest, DrawTheTestSplitBeforeOthers) {
  RunLog log;
  EXPECT_THAT(DrawnEvaluations(log), IsEmpty());
  log.evaluations["other"].resize(1);
  EXPECT_THAT(DrawnEvaluations(log), SizeIs(1));
  log.evaluations["validation"].resize(2);
  EXPECT_THAT(DrawnEvaluations(log), SizeIs(2));
  log.evaluations["test"].resize(3);
  EXPECT_THAT(DrawnEvaluations(log), SizeIs(3));
}

TEST(RunPanelsTest, RunsHaveLooksOfTheirOwn) {
  for (size_t i = 0; i < 28; ++i) {
    for (size_t k = 0; k < i; ++k) {
      EXPECT_TRUE(LookOfRun(i).color != LookOfRun(k).color || LookOfRun(i).dashes != LookOfRun(k).dashes);
    }
  }
}

TEST(RunPictureTest, HasTitleLegendAndResults) {
  std::vector<NamedRun> runs = {MakeRun("async & fast", 0.2, 600), MakeRun("sync", 0.3, 900)};
  const std::string picture = RunPicture(runs, "Fashion-MNIST");
  EXPECT_THAT(picture,
              AllOf(HasSubstr(">Fashion-MNIST</text>"), HasSubstr(">async &amp; fast<tspan"), HasSubstr(">sync<tspan"),
                    HasSubstr(">91.23 %</tspan></text>"), Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
  EXPECT_NE(picture.find("#0072b2"), picture.npos);
  EXPECT_NE(picture.find("#d55e00"), picture.npos);
}

TEST(RunPictureTest, AnEmptyRunIsStillAPicture) {
  const std::vector<NamedRun> runs = {{.name = "empty", .log = {}}};
  EXPECT_THAT(RunPicture(runs, "nothing"), AllOf(HasSubstr("<svg"), HasSubstr("</svg>"), Not(HasSubstr("nan"))));
}

}  // namespace
}  // namespace downpour
