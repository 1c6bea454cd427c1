#include "server/membership/run_book.h"

#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A book, and workers that ask with a new ticket each time.
struct ManualRun {
  explicit ManualRun(const RunPlan& plan) : book(RunBook::Create(plan).value()) {}

  RunBook::Work Take(WorkerId worker, size_t workers = 1) { return book.Take(worker, 1, ++ticket, workers).value(); }
  void Finish(WorkerId worker, const Lease& lease) {
    EXPECT_TRUE(book.ReportTraining(worker, 1, lease.id, lease.slice.size()).ok());
  }
  // Everything until nothing or the end, done at once: "4" for steps, "e12" for an evaluation after step 12.
  std::vector<std::string> DoAll(WorkerId worker, const std::vector<double>& scores = {}) {
    std::vector<std::string> done;
    for (size_t evaluations = 0;;) {
      const RunBook::Work work = Take(worker);
      if (const Lease* lease = std::get_if<Lease>(&work)) {
        const uint64_t before = book.steps();
        Finish(worker, *lease);
        done.push_back(std::to_string(book.steps() - before));
      } else if (const auto* evaluation = std::get_if<RunBook::Evaluation>(&work)) {
        const double score = evaluations < scores.size() ? scores[evaluations] : 0;
        ++evaluations;
        EXPECT_TRUE(book.ReportEvaluation(worker, 1, evaluation->number, score).ok());
        done.push_back("e" + std::to_string(evaluation->step));
      } else {
        done.push_back(std::holds_alternative<RunBook::Finished>(work) ? std::get<RunBook::Finished>(work).why : "-");
        return done;
      }
    }
  }

  RunBook book;
  uint64_t ticket = 0;
};

TEST(RunBookTest, RefusesPlansThatMakeNoSense) {
  EXPECT_THAT(std::string(RunBook::Create({.examples = 0}).status().message()), HasSubstr("no examples"));
  EXPECT_THAT(std::string(RunBook::Create({.examples = 1, .improvement = -1}).status().message()),
              HasSubstr("improvement"));
}

TEST(RunBookTest, OneWorkerFindsEachEvaluationExactlyWhereItIsDue) {
  ManualRun run({.examples = 100,
                 .batch = 10,
                 .slice_batches_max = 4,
                 .steps = 25,
                 .evaluate_every_steps = 10,
                 .evaluate_at_end = true});
  std::vector<std::string> done = run.DoAll(0);
  // However the slices fall, steps add up to the evaluations' places.
  uint64_t steps = 0;
  std::vector<std::string> evaluations;
  for (const std::string& what : done) {
    if (what[0] == 'e') {
      EXPECT_EQ(what, "e" + std::to_string(steps));
      evaluations.push_back(what);
    } else if (what[0] >= '0' && what[0] <= '9') {
      steps += std::stoull(what);
    }
  }
  EXPECT_EQ(steps, 25u);
  EXPECT_THAT(evaluations, ElementsAre("e10", "e20", "e25"));
  EXPECT_EQ(done.back(), "all 25 steps are done");
}

TEST(RunBookTest, TheLastEvaluationIsNotMadeTwice) {
  ManualRun run({.examples = 100,
                 .batch = 10,
                 .slice_batches_max = 10,
                 .steps = 2,
                 .evaluate_every_steps = 2,
                 .evaluate_at_end = true});
  EXPECT_THAT(run.DoAll(0), ElementsAre("1", "1", "e2", "all 2 steps are done"));
}

TEST(RunBookTest, StopsWhenEvaluationsGetNoBetter) {
  ManualRun run({.examples = 100,
                 .batch = 10,
                 .slice_batches_max = 1,
                 .evaluate_every_steps = 1,
                 .evaluate_at_end = true,
                 .patience = 2,
                 .improvement = 0.1});
  EXPECT_THAT(run.DoAll(0, {0.5, 0.7, 0.75, 0.9, 0.85, 0.95, 1}),
              ElementsAre("1", "e1", "1", "e2", "1", "e3", "1", "e4", "1", "e5", "1", "e6",
                          "2 evaluations after another were no better than the best"));
}

TEST(RunBookTest, ARequestThatIsSentAgainGetsTheSameWork) {
  ManualRun run({.examples = 100, .batch = 10});
  const RunBook::Work first = run.book.Take(0, 1, 1, 1).value();
  const RunBook::Work again = run.book.Take(0, 1, 1, 1).value();
  EXPECT_EQ(std::get<Lease>(first).id, std::get<Lease>(again).id);
  EXPECT_EQ(run.book.leases().open_leases(), 1u);
  EXPECT_NE(std::get<Lease>(run.book.Take(0, 1, 2, 1).value()).id, std::get<Lease>(first).id);
  EXPECT_FALSE(run.book.Take(0, 1, 1, 1).ok());
}

TEST(RunBookTest, WhatALostWorkerHadComesBackAndTheOthersWaitForThat) {
  ManualRun run({.examples = 20, .batch = 10, .slice_batches_max = 10, .steps = 2, .evaluate_at_end = true});
  const Lease lost = std::get<Lease>(run.Take(0, 2));
  const Lease kept = std::get<Lease>(run.Take(1, 2));
  run.Finish(1, kept);
  EXPECT_TRUE(std::holds_alternative<RunBook::Nothing>(run.Take(1, 2)));
  run.book.Release(0, 1);
  EXPECT_FALSE(run.book.ReportTraining(0, 1, lost.id, 10).ok());
  EXPECT_EQ(std::get<Lease>(run.Take(1)).slice, lost.slice);
}

TEST(RunBookTest, AnEvaluationThatWasLostIsMadeByAnother) {
  ManualRun run({.examples = 100,
                 .batch = 10,
                 .slice_batches_max = 1,
                 .steps = 3,
                 .evaluate_every_steps = 1,
                 .evaluate_at_end = true});
  run.Finish(0, std::get<Lease>(run.Take(0)));
  const auto lost = std::get<RunBook::Evaluation>(run.Take(0));
  EXPECT_TRUE(std::holds_alternative<Lease>(run.Take(1)));  // nobody else makes it meanwhile
  run.book.Release(0, 1);
  EXPECT_FALSE(run.book.ReportEvaluation(0, 1, lost.number, 1).ok());
  const auto again = std::get<RunBook::Evaluation>(run.Take(1));
  EXPECT_EQ(again.step, 1u);
  EXPECT_NE(again.number, lost.number);
  EXPECT_TRUE(run.book.ReportEvaluation(1, 1, again.number, 1).value());
  EXPECT_TRUE(run.book.ReportEvaluation(1, 1, again.number, 1).value());  // a report that comes again
  EXPECT_FALSE(run.book.ReportEvaluation(1, 1, again.number + 1, 1).ok());
}

TEST(RunBookTest, AStoppedRunGivesNoMoreTrainingAndMayStillBeJudged) {
  RunPlan plan = {.examples = 100, .batch = 10, .slice_batches_max = 1, .evaluate_at_end = true};
  ManualRun judged(plan);
  judged.Finish(0, std::get<Lease>(judged.Take(0)));
  EXPECT_TRUE(std::holds_alternative<Lease>(judged.Take(0)));  // not finished: it hears of the stop by a report
  judged.book.Stop("the 5 minutes are over", /*evaluate=*/true);
  judged.book.Stop("another reason", /*evaluate=*/false);
  EXPECT_THAT(judged.DoAll(0), ElementsAre("e1", "the 5 minutes are over"));

  ManualRun left(plan);
  EXPECT_TRUE(std::holds_alternative<Lease>(left.Take(0)));
  left.book.Stop("stopped by Ctrl-C", /*evaluate=*/false);
  EXPECT_TRUE(left.book.stopped());
  EXPECT_THAT(left.DoAll(1), ElementsAre("stopped by Ctrl-C"));
}

TEST(RunBookTest, NoMoreStepsAreGivenThanThePlanHas) {
  ManualRun run({.examples = 1000, .batch = 10, .slice_batches_max = 32, .steps = 7});
  uint64_t given = 0;
  for (WorkerId worker = 0; worker < 50; ++worker) {
    const RunBook::Work work = run.Take(worker, 3);
    if (const Lease* lease = std::get_if<Lease>(&work)) given += lease->slice.size() / 10;
  }
  EXPECT_EQ(given, 7u);
  EXPECT_EQ(run.book.leases().batches_open(), 7u);
}

TEST(RunBookTest, AScoreThatIsNoNumberIsRefused) {
  ManualRun run({.examples = 10, .batch = 10, .evaluate_every_steps = 1});
  run.Finish(0, std::get<Lease>(run.Take(0)));
  const auto evaluation = std::get<RunBook::Evaluation>(run.Take(0));
  EXPECT_FALSE(run.book.ReportEvaluation(0, 1, evaluation.number, std::nan("")).ok());
  EXPECT_TRUE(run.book.ReportEvaluation(0, 1, evaluation.number, 1).ok());
}

}  // namespace
}  // namespace downpour
