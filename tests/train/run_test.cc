// Runs of a small job to their end: what they do to the weights, what they tell, and how they stop.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/train/run_fixture.h"
#include "worker/data/epoch_order.h"
#include "worker/train/job_data.h"
#include "worker/train/network.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::RunResult;
using testing::RunSetup;
using testing::RunSmallJob;

constexpr uint64_t kExamples = 1000;
constexpr uint64_t kBatches = 32;  // of an epoch

// Hears of everything.
struct Watcher : RunObserver {
  void Started(const RunStart& event) override { start = event; }
  void Progressed(const RunProgress& event) override { progress.push_back(event); }
  void Evaluated(const RunEvaluation& event) override { evaluations.push_back(event); }
  void Histograms(uint64_t step, std::span<const RunTensor> tensors) override {
    histogram_steps.push_back(step);
    tensor_count = tensors.size();
  }
  void Noted(std::string_view text) override { notes += std::string(text) + "\n"; }

  RunStart start;
  std::vector<RunProgress> progress;
  std::vector<RunEvaluation> evaluations;
  std::vector<uint64_t> histogram_steps;
  size_t tensor_count = 0;
  std::string notes;
};

double Distance(const RunResult& a, const RunResult& b) {
  double squares = 0;
  EXPECT_EQ(a.weights.size(), b.weights.size());
  for (size_t p = 0; p < a.weights.size(); ++p) {
    EXPECT_EQ(a.weights[p].size(), b.weights[p].size());
    for (size_t i = 0; i < a.weights[p].size(); ++i) squares += std::pow(a.weights[p][i] - b.weights[p][i], 2);
  }
  return std::sqrt(squares);
}

TEST(RunTest, TrainsEveryExampleOnceAnEpochAndLearns) {
  Watcher watcher;
  const RunResult run = RunSmallJob(
      "optimizer { sgd { learning_rate: 0.1 } } budget { epochs: 3 } "
      "logging { every_steps: 10 histograms_every_steps: 40 }",
      {.observer = &watcher});
  ASSERT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_EQ(run.end.examples, 3 * kExamples);
  EXPECT_EQ(run.end.steps, 3 * kBatches);
  EXPECT_EQ(run.end.reason, "all 96 steps are done");
  EXPECT_EQ(run.end.staleness_mean, 0);
  ASSERT_EQ(watcher.evaluations.size(), 3u);
  EXPECT_EQ(watcher.evaluations[1].step, 2 * kBatches);
  EXPECT_EQ(watcher.evaluations[1].examples, 300u);
  EXPECT_GT(run.end.last->accuracy, 0.95);
  EXPECT_GE(watcher.progress.size(), 9u);
  EXPECT_EQ(watcher.progress[0].step, 10u);
  EXPECT_LT(watcher.progress.back().loss, watcher.progress.front().loss);
  EXPECT_EQ(watcher.progress.back().learning_rate, 0.1);
  EXPECT_THAT(watcher.histogram_steps, ::testing::ElementsAre(40, 80));
  EXPECT_EQ(watcher.tensor_count, 4u);
  EXPECT_EQ(watcher.start.policy, "async");
  EXPECT_EQ(watcher.start.optimizer, "sgd");
  EXPECT_EQ(watcher.start.steps, 96u);
}

TEST(RunTest, OneReplicaIsPlainSgd) {
  constexpr int kSteps = 3;
  constexpr float kRate = 0.1f;
  const RunResult run = RunSmallJob("optimizer { sgd { learning_rate: 0.1 } } budget { steps: 3 }");
  const auto job = testing::SmallJob("optimizer { sgd { learning_rate: 0 } } budget { steps: 1 }");
  ASSERT_TRUE(job.ok());
  const RunResult before = testing::RunJob(*job, {});
  // The same by hand: from the weights at first, batches in the epoch's order, and an update after each.
  const auto network = MakeNetwork(job->graph, job->inputs, {"cpu:0"}, {.batch_max = 32});
  ASSERT_TRUE(network.ok()) << network.status();
  const auto data = OpenJobData(*job, "");
  ASSERT_TRUE(data.ok()) << data.status();
  RunResult by_hand = before;
  const EpochOrder order(kExamples, job->config.seed(), 0);
  for (int step = 0; step < kSteps; ++step) {
    for (size_t p = 0; p < by_hand.weights.size(); ++p) {
      std::copy(by_hand.weights[p].begin(), by_hand.weights[p].end(), (*network)->weights(p).begin());
    }
    (*network)->WeightsChanged();
    BatchRequest request;
    for (int i = 0; i < 32; ++i) request.indices.push_back(order[static_cast<uint64_t>(32 * step + i)]);
    HostBatch batch;
    ASSERT_TRUE(data->train->Make(request, &batch).ok());
    ASSERT_TRUE((*network)->Train(batch, static_cast<uint64_t>(step)).ok());
    for (size_t p = 0; p < by_hand.weights.size(); ++p) {
      for (size_t i = 0; i < by_hand.weights[p].size(); ++i) {
        by_hand.weights[p][i] -= kRate * (*network)->gradient(p)[i];
      }
    }
  }
  EXPECT_GT(Distance(before, run), 1e-3);
  EXPECT_LT(Distance(by_hand, run), 1e-6);
}

TEST(RunTest, ThreadsThatMakeBatchesAheadChangeNothingButTheTime) {
  const std::string job = "optimizer { sgd { learning_rate: 0.1 } } budget { epochs: 3 } evaluation { off: true } ";
  const RunResult ahead = RunSmallJob(job, {.overrides = {"data.prefetch_threads=3", "data.slice_batches=1"}});
  ASSERT_TRUE(ahead.end.status.ok()) << ahead.end.status;
  EXPECT_EQ(ahead.end.examples, 3 * kExamples);
  EXPECT_EQ(ahead.weights, RunSmallJob(job).weights);
}

TEST(RunTest, TheSameRunOfOneReplicaHasTheSameBits) {
  const std::string job = "optimizer { adam { learning_rate: 0.01 } } budget { epochs: 2 } seed: 5";
  EXPECT_EQ(RunSmallJob(job).weights, RunSmallJob(job).weights);
  EXPECT_NE(RunSmallJob(job).weights,
            RunSmallJob("optimizer { adam { learning_rate: 0.01 } } budget { epochs: 2 } seed: 6").weights);
}

TEST(RunTest, NeitherCarriersNorServersChangeWhatOneReplicaLearns) {
  const std::string job = "optimizer { momentum { learning_rate: 0.05 momentum: 0.9 } } budget { epochs: 1 }";
  const RunResult run = RunSmallJob(job);
  EXPECT_EQ(run.weights, RunSmallJob(job, {.servers = 3}).weights);
  EXPECT_EQ(run.weights, RunSmallJob(job, {.carrier = "grpc"}).weights);
  EXPECT_EQ(run.weights, RunSmallJob(job, {.servers = 2, .carrier = "shm"}).weights);
}

TEST(RunTest, TowersLearnWhatOneDeviceLearns) {
  const std::string job = "optimizer { sgd { learning_rate: 0.1 } } budget { epochs: 1 } ";
  const RunResult one = RunSmallJob(job);
  const RunResult towers = RunSmallJob(job + "replica { towers: true }", {.devices = {"cpu:0", "cpu:1", "cpu:2"}});
  ASSERT_TRUE(towers.end.status.ok()) << towers.end.status;
  EXPECT_EQ(towers.end.replicas.size(), 1u);
  EXPECT_EQ(towers.end.replicas[0].device, "cpu:0+cpu:1+cpu:2");
  EXPECT_LT(Distance(one, towers), 1e-2);
}

TEST(RunTest, SynchronousReplicasMakeOneUpdateOfTheirMean) {
  Watcher watcher;
  const RunResult run = RunSmallJob("optimizer { sgd { learning_rate: 0.1 } } policy { sync {} } budget { epochs: 4 }",
                                    {.devices = {"cpu:0", "cpu:1"}, .observer = &watcher});
  ASSERT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_EQ(run.end.examples, 4 * kExamples);
  EXPECT_EQ(run.end.staleness_mean, 0);
  EXPECT_GT(run.end.last->accuracy, 0.9);
  EXPECT_EQ(run.end.replicas.size(), 2u);
}

class PolicyRunTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PolicyRunTest, LearnsWithThreeReplicasOverEachCarrier) {
  for (const char* carrier : {"memory", "grpc"}) {
    const RunResult run = RunSmallJob(std::string(GetParam()) + " budget { epochs: 5 }",
                                      {.devices = {"cpu:0", "cpu:1", "cpu:2"}, .servers = 2, .carrier = carrier});
    ASSERT_TRUE(run.end.status.ok()) << carrier << ": " << run.end.status;
    EXPECT_EQ(run.end.examples, 5 * kExamples) << carrier;
    ASSERT_TRUE(run.end.last.has_value());
    EXPECT_GT(run.end.last->accuracy, 0.9) << carrier;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Policies, PolicyRunTest,
    ::testing::Values(
        "optimizer { sgd { learning_rate: 0.05 } }",
        "optimizer { adagrad { learning_rate: 0.02 } } policy { async { fetch_every: 3 push_every: 2 } }",
        "optimizer { sgd { learning_rate: 0.05 } } policy { async { fetch_every: 4 } } "
        "replica { local { learning_rate: 0.05 } }",
        "optimizer { sgd { learning_rate: 0.05 } } policy { bounded_staleness { bound: 1 } }",
        "optimizer { sgd { learning_rate: 0.15 } } policy { sync {} }",
        "optimizer { sgd { learning_rate: 0.15 } } policy { sync { required: 2 } }",
        "optimizer { sgd { learning_rate: 1 } } policy { model_averaging { local_steps: 4 } } "
        "replica { local { learning_rate: 0.1 } }",
        "optimizer { nesterov { learning_rate: 0.7 momentum: 0.5 } } "
        "policy { model_averaging { local_steps: 4 } } replica { local { learning_rate: 0.1 momentum: 0.5 } }",
        "optimizer { sgd { learning_rate: 1 } } policy { model_averaging { local_steps: 4 asynchronous: true } } "
        "replica { local { learning_rate: 0.1 } }",
        "optimizer { sgd { learning_rate: 1 } } policy { elastic_averaging { period: 4 rho: 0.3 } } "
        "replica { local { learning_rate: 0.1 } }",
        "optimizer { sgd { learning_rate: 0.05 } delay_compensation { lambda: 0.04 } }",
        "optimizer { sgd { learning_rate: 0.1 } } policy { staleness_aware_rate: true }",
        "optimizer { sgd { learning_rate: 0.05 } } policy { warm_start { steps: 20 } }",
        "optimizer { adam { learning_rate: 0.01 } average { decay: 0.9 } }",
        "optimizer { sgd { learning_rate: 0.05 } } replica { clip_global_norm: 1 push: BFLOAT16 }",
        "optimizer { sgd { learning_rate: 0.05 } } replica { compute: BFLOAT16 }"));

TEST(RunTest, VirtualReplicasMakePushesAsLateAsIfThereWereSoMany) {
  const RunResult run = RunSmallJob(
      "optimizer { sgd { learning_rate: 0.02 } } budget { epochs: 3 } "
      "replica { virtual_replicas: 5 }");
  ASSERT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_EQ(run.end.steps, 3 * kBatches);
  EXPECT_EQ(run.end.staleness.at(4), run.end.steps - 4 - 4 + 4);  // but for the first and the last few
  EXPECT_NEAR(run.end.staleness_mean, 4, 0.5);
}

TEST(RunTest, VirtualReplicasWaitForTheEndOfAWarmStart) {
  const RunResult run = RunSmallJob(
      "optimizer { sgd { learning_rate: 0.02 } } budget { epochs: 3 } "
      "policy { warm_start { steps: 32 } } replica { virtual_replicas: 5 }");
  ASSERT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_EQ(run.end.staleness.at(0), kBatches + 1);  // those of the warm start, and the first after it
  EXPECT_EQ(run.end.staleness.at(4), 2 * kBatches - 4);
}

TEST(RunTest, OneReplicaThatStepsOnItsOwnAsTheServersDoNeedNotFetch) {
  const std::string job =
      "optimizer { sgd { learning_rate: 0.1 } weight_decay: 0.001 schedule { cosine { total_steps: 64 } } } "
      "budget { epochs: 2 } evaluation { off: true } ";
  const std::string local = "replica { local { learning_rate: 0.1 weight_decay: 0.001 } } ";
  const RunResult plain = RunSmallJob(job);
  const RunResult run = RunSmallJob(job + local + "policy { async { fetch_every: 5 } }");
  ASSERT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_EQ(plain.weights, run.weights);
  EXPECT_EQ(plain.weights,
            RunSmallJob(job + local + "policy { async { fetch_every: 5 } }", {.carrier = "grpc"}).weights);
  EXPECT_NE(plain.weights, RunSmallJob(job + "policy { async { fetch_every: 5 } }").weights);
}

TEST(RunTest, LocalStepsMayHaveAScheduleOfTheirOwn) {
  const std::string schedule = "schedule { cosine { total_steps: 64 } } ";
  const std::string rest = "budget { epochs: 2 } evaluation { off: true } ";
  const std::string averaging = "optimizer { sgd { learning_rate: 1 } } policy { model_averaging { local_steps: 4 } } ";
  const RunResult plain = RunSmallJob(rest + "optimizer { sgd { learning_rate: 0.1 } " + schedule + "}");
  const RunResult averaged = RunSmallJob(rest + averaging + "replica { local { learning_rate: 0.1 " + schedule + "} }");
  const RunResult constant = RunSmallJob(rest + averaging + "replica { local { learning_rate: 0.1 } }");
  ASSERT_TRUE(averaged.end.status.ok()) << averaged.end.status;
  // But for the rounding of weights that travel as differences.
  EXPECT_LT(Distance(plain, averaged), 2e-3);
  EXPECT_GT(Distance(plain, constant), 0.1);
}

TEST(RunTest, LocalStepsAreOfClippedGradients) {
  const std::string job =
      "optimizer { sgd { learning_rate: 0.1 } } budget { epochs: 1 } evaluation { off: true } "
      "replica { clip_global_norm: 0.1 local { learning_rate: 0.1 } } ";
  EXPECT_EQ(RunSmallJob(job + "policy { async { fetch_every: 4 } }").weights,
            RunSmallJob("optimizer { sgd { learning_rate: 0.1 } } budget { epochs: 1 } evaluation { off: true } "
                        "replica { clip_global_norm: 0.1 }")
                .weights);
}

TEST(RunTest, GradientsAreClippedByTheNormOfAll) {
  const std::string job = "optimizer { sgd { learning_rate: 1 } } budget { steps: 1 } evaluation { off: true } ";
  const RunResult start = RunSmallJob("optimizer { sgd { learning_rate: 0 } } budget { steps: 1 }");
  EXPECT_GT(Distance(start, RunSmallJob(job)), 0.2);
  EXPECT_NEAR(Distance(start, RunSmallJob(job + "replica { clip_global_norm: 0.01 }")), 0.01, 1e-4);
}

TEST(RunTest, WhatDivergesIsToldByStepAndTensor) {
  const RunResult run = RunSmallJob("optimizer { sgd { learning_rate: 1e30 } } budget { epochs: 3 }");
  EXPECT_EQ(run.end.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(run.end.status.message()),
              AllOf(HasSubstr("step "), HasSubstr("worker 0"), HasSubstr("first value that is not finite: "),
                    HasSubstr("A smaller learning rate")));
}

TEST(RunTest, AFailingReplicaStopsTheOthers) {
  const RunResult run = RunSmallJob("optimizer { sgd {} } policy { sync {} } budget { epochs: 100000 }",
                                    {.devices = {"cpu:0", "cuda:99"}});
  EXPECT_FALSE(run.end.status.ok());
  EXPECT_THAT(run.end.reason, HasSubstr("cuda:99"));
}

TEST(RunTest, StopsWhenToldTo) {
  std::atomic<bool> stop{false};
  struct Stopper : RunObserver {
    explicit Stopper(std::atomic<bool>* stop) : stop(stop) {}
    void Progressed(const RunProgress&) override { stop->store(true); }
    std::atomic<bool>* stop;
  } stopper(&stop);
  const RunResult run = RunSmallJob("optimizer { sgd {} } budget { epochs: 100000 } logging { every_steps: 5 }",
                                    {.devices = {"cpu:0", "cpu:1"}, .observer = &stopper, .stop = &stop});
  EXPECT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_TRUE(run.end.interrupted);
  EXPECT_GE(run.end.steps, 5u);
}

TEST(RunTest, StopsWhenItsTimeIsUp) {
  const RunResult run =
      RunSmallJob("optimizer { sgd {} } budget { minutes: 0.01 } evaluation { every_epochs: 1000000 }");
  EXPECT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_EQ(run.end.reason, "its 0.6 seconds are over");
  EXPECT_TRUE(run.end.last.has_value());
}

TEST(RunTest, StopsEarlyWhenItGetsNoBetter) {
  const RunResult run = RunSmallJob(
      "optimizer { sgd { learning_rate: 0 } } budget { epochs: 100 } evaluation { early_stopping { patience: 3 } }");
  EXPECT_TRUE(run.end.status.ok()) << run.end.status;
  EXPECT_EQ(run.end.steps, 4 * kBatches);
  EXPECT_THAT(run.end.reason, HasSubstr("no better"));
}

TEST(RunTest, StatisticsOfBatchNormalisationAreShared) {
  const RunResult run = RunSmallJob("optimizer { adam { learning_rate: 0.01 } } budget { epochs: 2 }",
                                    {.devices = {"cpu:0", "cpu:1"}, .layers = "layer { name: 'norm' batch_norm {} }"});
  ASSERT_TRUE(run.end.status.ok()) << run.end.status;
  // The running mean has left its 0.
  double moved = 0;
  for (const float value : run.weights[4]) moved += std::fabs(value);
  EXPECT_GT(moved, 1e-3);
}

}  // namespace
}  // namespace downpour
