#include "worker/train/progress_view.h"

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class ProgressViewTest : public ::testing::Test {
 protected:
  ProgressView View(bool is_terminal) {
    return ProgressView(clock_, {.write = [this](std::string_view text) { writes_.emplace_back(text); },
                                 .is_terminal = is_terminal,
                                 .columns = [this] { return columns_; }});
  }

  std::vector<std::string> Take() { return std::exchange(writes_, {}); }

  static RunStart Start() {
    return {.job = "fashion",
            .policy = "async",
            .optimizer = "momentum",
            .data = "fashion-mnist: 60,000 to train on, 10,000 to test by",
            .model = "small_cnn",
            .carrier = "memory",
            .devices = {"cpu:0", "cpu:1"},
            .servers = 1,
            .parameters = 121930,
            .batch = 64,
            .examples = 60000,
            .steps = 9380,
            .seconds_allowed = 600,
            .seed = 7};
  }

  static RunProgress Progress(uint64_t step, double seconds) {
    return {.step = step,
            .epoch = static_cast<double>(step) / 938,
            .examples = step * 64,
            .seconds = seconds,
            .loss = 0.41234,
            .accuracy = 0.8514,
            .learning_rate = 0.1,
            .examples_per_second = 6400.4,
            .staleness = 0.96};
  }

  ManualClock clock_;
  int columns_ = 200;
  std::vector<std::string> writes_;
};

TEST_F(ProgressViewTest, SaysWhatIsRunBeforeItRuns) {
  View(false).Started(Start());
  EXPECT_THAT(Take(), ElementsAre("fashion: small_cnn, 121,930 parameters\n"
                                  "  data      fashion-mnist: 60,000 to train on, 10,000 to test by\n"
                                  "  replicas  2 on cpu:0, cpu:1, batches of 64\n"
                                  "  servers   1, reached by memory\n"
                                  "  policy    async, optimizer momentum, seed 7\n"
                                  "  budget    9,380 steps (10.0 epochs), at most 10 min 00 s\n"));
}

TEST_F(ProgressViewTest, NamesFewOfManyDevices) {
  RunStart start = Start();
  for (int i = 2; i < 16; ++i) start.devices.push_back("cpu:" + std::to_string(i));
  View(false).Started(start);
  EXPECT_THAT(Take()[0], HasSubstr("16 on cpu:0, cpu:1 ... cpu:15, batches"));
}

TEST_F(ProgressViewTest, DrawsOneLineOverAndOverOnATerminal) {
  ProgressView view = View(true);
  view.Started(Start());
  Take();
  view.Progressed(Progress(1876, 20));
  EXPECT_THAT(Take(), ElementsAre("\rstep 1,876/9,380  epoch 2.00  loss 0.4123  accuracy 85.1 %  6,400 examples/s  "
                                  "staleness 1.0  1 min 20 s left\x1b[K"));
  // Five times a second at most.
  clock_.Advance(absl::Milliseconds(199));
  view.Progressed(Progress(1877, 20.2));
  EXPECT_THAT(Take(), IsEmpty());
  clock_.Advance(absl::Milliseconds(1));
  view.Progressed(Progress(1878, 20.3));
  EXPECT_THAT(Take(), ElementsAre(StartsWith("\rstep 1,878/")));
}

TEST_F(ProgressViewTest, KeepsEvaluationsAboveTheLiveLine) {
  ProgressView view = View(true);
  view.Started(Start());
  view.Progressed(Progress(938, 10));
  Take();
  view.Evaluated({.step = 938,
                  .epoch = 1,
                  .seconds = 11.2,
                  .took_seconds = 1.2,
                  .split = "test",
                  .examples = 10000,
                  .loss = 0.302,
                  .accuracy = 0.8912,
                  .best = true});
  EXPECT_THAT(Take(), ElementsAre(StartsWith("\r\x1b[Kevaluation after step 938 (epoch 1.00): test accuracy 89.12 %, "
                                             "loss 0.3020, took 1.2 s, best so far\nstep 938/9,380  ")));
  view.Noted("more devices than cores");
  EXPECT_THAT(Take(), ElementsAre(StartsWith("\r\x1b[Kmore devices than cores\nstep 938/9,380  ")));
}

TEST_F(ProgressViewTest, IsNeverWiderThanTheTerminal) {
  ProgressView view = View(true);
  view.Started(Start());
  Take();
  const std::vector<std::pair<int, std::string>> widths = {
      {88, "step 938/9,380  epoch 1.00  loss 0.4123  acc 85.1 %  6,400 ex/s  stale 1.0  1:30 left"},
      {80, "step 938/9,380  epoch 1.00  loss 0.4123  6,400 ex/s  stale 1.0  1:30 left"},
      {50, "step 938/9,380  loss 0.4123  1:30 left"},
      {20, "step 938/9,380"},
      {9, "step 938"},
  };
  for (const auto& [columns, line] : widths) {
    columns_ = columns;
    clock_.Advance(absl::Seconds(1));
    view.Progressed(Progress(938, 10));
    EXPECT_THAT(Take(), ElementsAre("\r" + line + "\x1b[K")) << columns;
  }
}

TEST_F(ProgressViewTest, WritesPlainLinesNowAndThenWhereThereIsNoTerminal) {
  ProgressView view = View(false);
  view.Started(Start());
  Take();
  view.Progressed(Progress(50, 1));
  EXPECT_THAT(Take(), ElementsAre(AllOf(StartsWith("step 50/9,380  "), EndsWith(" left\n"), Not(HasSubstr("\x1b")),
                                        Not(HasSubstr("\r")))));
  clock_.Advance(absl::Milliseconds(4999));
  view.Progressed(Progress(100, 6));
  EXPECT_THAT(Take(), IsEmpty());
  clock_.Advance(absl::Milliseconds(1));
  view.Progressed(Progress(101, 6));
  EXPECT_THAT(Take(), ElementsAre(StartsWith("step 101/")));
  // An evaluation comes at once.
  view.Evaluated({.step = 101, .split = "test", .accuracy = NAN, .average = true});
  EXPECT_THAT(Take(), ElementsAre("evaluation after step 101 (epoch 0.00): test loss 0.0000, averaged weights, took "
                                  "0.0 s\n"));
  // A run of hours writes a line a minute.
  clock_.Advance(absl::Seconds(59));
  view.Progressed(Progress(200, 7200));
  EXPECT_THAT(Take(), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  view.Progressed(Progress(201, 7201));
  EXPECT_THAT(Take(), ElementsAre(StartsWith("step 201/")));
}

TEST_F(ProgressViewTest, LeavesOutWhatARunDoesNotHave) {
  ProgressView view = View(true);
  RunStart start = Start();
  start.steps.reset();
  start.seconds_allowed.reset();
  view.Started(start);
  EXPECT_THAT(Take()[0], HasSubstr("no end named"));
  RunProgress progress = Progress(10, 1);
  progress.accuracy = progress.staleness = NAN;
  progress.loss = INFINITY;
  view.Progressed(progress);
  EXPECT_THAT(Take(), ElementsAre("\rstep 10  epoch 0.01  loss inf  6,400 examples/s\x1b[K"));
}

TEST_F(ProgressViewTest, TheSummaryTakesThePlaceOfTheLiveLine) {
  {
    ProgressView view = View(true);
    view.Started(Start());
    view.Progressed(Progress(10, 1));
    Take();
    RunEnd end;
    end.reason = "all 10 epochs are done";
    view.Ended(end);
  }
  EXPECT_THAT(Take(), ElementsAre("\r\x1b[K", StartsWith("\nDone: all 10 epochs are done\n")));
}

TEST_F(ProgressViewTest, ARunThatNeverEndsLeavesTheCursorOnALineOfItsOwn) {
  {
    ProgressView view = View(true);
    view.Started(Start());
    view.Progressed(Progress(10, 1));
    Take();
  }
  EXPECT_THAT(Take(), ElementsAre("\n"));
}

TEST(ProgressOutputTest, AFileIsNoTerminalAndHasEightyColumns) {
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  const ProgressOutput output = ProgressOutput::Of(file);
  EXPECT_FALSE(output.is_terminal);
  EXPECT_EQ(output.columns(), 80);
  output.write("seen at once");
  EXPECT_EQ(std::ftell(file), 12);
  std::fclose(file);
}

}  // namespace
}  // namespace downpour
