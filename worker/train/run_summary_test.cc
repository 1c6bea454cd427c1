#include "worker/train/run_summary.h"

#include <cmath>
#include <cstdint>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

RunEnd Example() {
  return {.status = absl::OkStatus(),
          .reason = "all 10 epochs are done",
          .steps = 9380,
          .examples = 600320,
          .seconds = 112,
          .examples_per_second = 5600.2,
          .last = RunEvaluation{.step = 9380, .split = "test", .loss = 0.2512, .accuracy = 0.9214},
          .best = RunEvaluation{.step = 8442, .split = "test", .loss = 0.2498, .accuracy = 0.9231},
          .staleness_mean = 0.934,
          .staleness = {{0, 1234}, {1, 7946}, {2, 88}, {4, 2}},
          .dropped_pushes = 110,
          .replicas = {{.worker = 0,
                        .device = "cpu:0",
                        .steps = 4690,
                        .examples = 300160,
                        .phases = {.data = 2, .compute = 91, .push = 3, .pull = 2, .wait = 1, .evaluate = 1}},
                       {.worker = 1, .device = "cpu:1", .steps = 4690, .examples = 300160, .phases = {}}}};
}

TEST(RunSummaryTest, TellsTheResultTheTimeAndWhereItWent) {
  EXPECT_EQ(SummaryText(Example(), false),
            R"(
Done: all 10 epochs are done
  result     test accuracy 92.14 %, loss 0.2512
  best       test accuracy 92.31 %, loss 0.2498 after step 8,442
  time       1 min 52 s for 9,380 steps, 600,320 examples
  speed      5,600 examples/s
  dropped    110 of 9,380 pushes came too late for their step

  replica  device  steps  examples  data  compute  push  pull  wait  evaluate
  0        cpu:0   4,690   300,160   2 %     91 %   3 %   2 %   1 %       1 %
  1        cpu:1   4,690   300,160     -        -     -     -     -         -

  staleness of pushes, mean 0.93
  0  1,234  13.3 %  ######
  1  7,946  85.7 %  ########################################
  2     88   0.9 %  #
  3      0   0.0 %
  4      2   0.0 %  #
)");
}

TEST(RunSummaryTest, DrawsFinerBarsWhereBlockCharactersAreAtHand) {
  const std::string text = SummaryText(Example(), true);
  EXPECT_THAT(text, HasSubstr("0  1,234  13.3 %  ██████▎\n"));
  EXPECT_THAT(text, HasSubstr("4      2   0.0 %  ▏\n"));
}

TEST(RunSummaryTest, ManyValuesOfStalenessShareRows) {
  RunEnd end = Example();
  end.staleness = {{0, 1}, {30, 1}, {UINT64_MAX, 2}};
  const std::string text = SummaryText(end, false);
  EXPECT_THAT(text, HasSubstr("18446744073709551615  2  50.0 %"));
  end.staleness = {{3, 1}, {15, 1}};
  EXPECT_THAT(SummaryText(end, false), HasSubstr("    3-4  1  50.0 %"));
  EXPECT_THAT(SummaryText(end, false), HasSubstr("     15  1  50.0 %"));
}

TEST(RunSummaryTest, SaysHowTheRunFailedOrWasStopped) {
  RunEnd end = Example();
  end.interrupted = true;
  end.reason = "stopped by Ctrl-C after step 1,234";
  EXPECT_THAT(SummaryText(end, false), StartsWith("\nStopped early: stopped by Ctrl-C after step 1,234\n"));
  end.status = absl::InternalError("the loss of step 12 is not finite: layer conv1");
  EXPECT_THAT(SummaryText(end, false), StartsWith("\nFailed after 9,380 steps\n"));
  EXPECT_THAT(SummaryText(end, false), Not(HasSubstr("the loss of step 12")));
}

TEST(RunSummaryTest, LeavesOutWhatThereIsNot) {
  const std::string text = SummaryText({}, false);
  EXPECT_EQ(text, "\nDone\n  time       0.0 s for 0 steps, 0 examples\n  speed      0.0 examples/s\n");
  RunEnd end = Example();
  end.best = end.last;
  EXPECT_THAT(SummaryText(end, false), HasSubstr("  best       the last one\n"));
  end.last->accuracy = NAN;
  EXPECT_THAT(SummaryText(end, false), HasSubstr("  result     test loss 0.2512\n"));
  end.dropped_pushes = 0;
  EXPECT_THAT(SummaryText(end, false), Not(HasSubstr("dropped")));
}

}  // namespace
}  // namespace downpour
