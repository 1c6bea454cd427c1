#include "cli/status/cluster_view.h"

#include <cmath>
#include <limits>
#include <string>

#include "cli/status/example_cluster.h"
#include "cli/status/status_json.h"
#include "cli/status/status_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

TEST(ClusterView, TakesRatesFromTheDifferenceOfTwoSamples) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  const ClusterSample before = cluster.At(100);
  ClusterSample now = cluster.At(102);
  // 50 MB in two seconds.
  auto* const server = now.tasks[0].report.mutable_server();
  server->set_bytes_received(before.tasks[0].report.server().bytes_received() + 50'000'000);
  const ClusterView view = MakeClusterView(&before, now);
  ASSERT_EQ(view.servers.size(), 1u);
  EXPECT_NEAR(view.servers[0].in_per_second, 25e6, 1);
  EXPECT_NEAR(view.servers[0].cores_used, 0.5, 1e-6);
  EXPECT_NEAR(view.servers[0].push_seconds, 0.001, 1e-5);
  EXPECT_NEAR(view.interval_seconds, 2, 1e-9);
  ASSERT_EQ(view.workers.size(), 2u);
  EXPECT_NEAR(view.workers[0].steps_per_second, 1 / 0.113, 0.6);
}

TEST(ClusterView, OneSampleGivesMeansSinceTheStart) {
  const ClusterView view = MakeClusterView(nullptr, ExampleCluster::Of(1, 1).At(100));
  EXPECT_TRUE(std::isnan(view.interval_seconds));
  EXPECT_NEAR(view.servers[0].cores_used, 0.5, 1e-6);
  EXPECT_NEAR(view.workers[0].shares[static_cast<size_t>(Phase::kCompute)], 0.08 / 0.113, 0.01);
  EXPECT_TRUE(view.well);
}

TEST(ClusterView, SharesAreOfTheTimeBetweenTheSamplesUnlessStepsAreLonger) {
  ExampleCluster cluster = ExampleCluster::Of(1, 1);
  const ClusterSample before = cluster.At(100);
  ClusterSample now = cluster.At(102);
  auto* const load = now.tasks[1].report.mutable_workers(0)->mutable_load();
  const auto& earlier = before.tasks[1].report.workers(0).load().phases();
  *load->mutable_phases() = earlier;
  load->mutable_phases()->set_data(earlier.data() + 2);
  EXPECT_NEAR(MakeClusterView(&before, now).workers[0].shares[0], 1, 1e-9);
  load->mutable_phases()->set_data(earlier.data());
  EXPECT_NEAR(MakeClusterView(&before, now).workers[0].shares[0], 0.02 / 0.113, 0.01);
}

TEST(ClusterView, ATaskThatBeganAnewHasNoRatesOfItsForerunner) {
  ExampleCluster cluster = ExampleCluster::Of(1, 1);
  const ClusterSample before = cluster.At(100);
  ClusterSample now = cluster.At(10);
  now.seconds = before.seconds + 2;
  now.tasks[0].report.mutable_task()->set_incarnation(5);
  const ClusterView view = MakeClusterView(&before, now);
  EXPECT_NEAR(view.servers[0].cores_used, 0.5, 1e-6);
  EXPECT_GE(view.servers[0].in_per_second, 0);
}

TEST(ClusterView, TellsWhenTheRunWillEnd) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  const ClusterSample before = cluster.At(100);
  ClusterSample now = cluster.At(110);
  const double rate = 2 / 0.113;
  EXPECT_NEAR(MakeClusterView(&before, now).run.seconds_left, (100'000 - 110 * rate) / rate, 60);
  now.tasks[0].report.mutable_run()->set_seconds_planned(120);
  EXPECT_NEAR(MakeClusterView(&before, now).run.seconds_left, 10, 1e-9);
  now.tasks[0].report.mutable_run()->set_steps(before.tasks[0].report.run().steps());
  EXPECT_GT(MakeClusterView(&before, now).run.steps_per_second, 1) << "a moment without steps is not the end";
}

TEST(ClusterView, AWorkerThatIsNotAskedIsKnownByTheCoordinator) {
  ExampleCluster cluster = ExampleCluster::Of(2, 2);
  cluster.workers[1].answers = false;
  const ClusterSample sample = cluster.At(100);
  const ClusterView view = MakeClusterView(nullptr, sample);
  ASSERT_EQ(view.workers.size(), 2u);
  EXPECT_EQ(view.workers[1].state, "live");
  EXPECT_THAT(view.workers[1].problem, HasSubstr("connection refused"));
  EXPECT_GT(view.workers[1].examples_per_second, 0);
  EXPECT_FALSE(view.well);
}

TEST(ClusterView, WhoHasLeftNeedNotAnswerAndWhoIsDeadIsNotWell) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  cluster.workers[1].answers = false;
  cluster.workers[1].state = wire::WorkerStatus::LEFT;
  EXPECT_TRUE(MakeClusterView(nullptr, cluster.At(100)).well);
  cluster.workers[1].state = wire::WorkerStatus::DEAD;
  EXPECT_FALSE(MakeClusterView(nullptr, cluster.At(100)).well);
  cluster.workers[1] = {};
  cluster.servers[0].answers = false;
  const ClusterView view = MakeClusterView(nullptr, cluster.At(100));
  EXPECT_FALSE(view.well);
  EXPECT_EQ(view.servers[0].state, "no answer");
  EXPECT_FALSE(view.run.known);
}

TEST(ClusterView, SumsRefusalsOfAllServersByReason) {
  ExampleCluster cluster = ExampleCluster::Of(2, 1);
  cluster.workers[0].refusals_per_second = {{"stale_incarnation", 1}, {"not_finite", 3}};
  const ClusterView view = MakeClusterView(nullptr, cluster.At(10));
  EXPECT_EQ(view.workers[0].refusals, 80);
  ASSERT_EQ(view.workers[0].refusals_by_reason.size(), 2u);
  EXPECT_EQ(view.workers[0].refusals_by_reason[0].first, "not_finite");
}

TEST(ClusterView, ReplicasOfATaskStandBesideOneAnother) {
  ClusterSample sample = ExampleCluster::Of(1, 2).At(10);
  *sample.tasks[0].report.add_workers() = sample.tasks[0].report.workers(0);
  sample.tasks[0].report.mutable_workers(2)->set_worker(65536);
  const ClusterView view = MakeClusterView(nullptr, sample);
  ASSERT_EQ(view.workers.size(), 3u);
  EXPECT_EQ(view.workers[0].name, "worker/0");
  EXPECT_EQ(view.workers[1].name, "worker/0:1");
  EXPECT_EQ(view.workers[2].name, "worker/1");
}

TEST(ClusterView, ShowsWhatTasksWaitFor) {
  ClusterSample sample;
  TaskSample task{.task = "worker/4", .address = "10.0.0.1:7080"};
  task.report.mutable_task()->set_state(wire::TaskStatus::WAITING);
  task.report.mutable_task()->set_waiting_for("server/1 at 10.0.0.2:7070");
  sample.tasks.push_back(task);
  const ClusterView view = MakeClusterView(nullptr, sample);
  ASSERT_EQ(view.workers.size(), 1u);
  EXPECT_EQ(view.workers[0].state, "waiting");
  EXPECT_EQ(view.workers[0].problem, "waits for server/1 at 10.0.0.2:7070");
}

// Everything that a report can say, as a hostile server would.
TEST(ClusterView, StandsNonsense) {
  for (const double nonsense : {std::nan(""), -1.0, 1e300, std::numeric_limits<double>::infinity(), -1e300, 0.0}) {
    ClusterSample before = ExampleCluster::Of(2, 2).At(100), now = ExampleCluster::Of(2, 2).At(101);
    for (ClusterSample* const sample : {&now, &before}) {
      for (TaskSample& task : sample->tasks) {
        task.report.mutable_task()->set_uptime_seconds(nonsense);
        task.report.mutable_task()->set_cpu_seconds(-nonsense);
        task.report.mutable_task()->set_version("\x1b[2J\xff");
        task.report.mutable_run()->set_seconds(nonsense);
        task.report.mutable_run()->set_steps(~uint64_t{0});
        task.report.mutable_run()->set_seconds_planned(nonsense);
        task.report.mutable_run()->set_epoch(nonsense);
        task.report.mutable_run()->set_loss(nonsense);
        task.report.mutable_job()->set_name("\x1b[2Jevil\nname");
        task.report.mutable_server()->set_push_seconds(nonsense);
        task.report.mutable_server()->set_pushes_applied(sample == &now ? 0 : ~uint64_t{0});
        task.report.mutable_server()->set_staleness_mean(nonsense);
        for (auto& shard : *task.report.mutable_server()->mutable_shards()) {
          shard.set_end(0);
          shard.set_begin(~uint64_t{0});
          shard.set_push_seconds(nonsense);
          shard.set_shard(7);
        }
        for (auto& worker : *task.report.mutable_workers()) {
          worker.set_silent_seconds(nonsense);
          worker.set_state(static_cast<wire::WorkerStatus::State>(99));
          worker.mutable_load()->set_seconds(nonsense);
          worker.mutable_load()->set_device("\x9b");
          worker.mutable_load()->mutable_phases()->set_data(nonsense);
          worker.mutable_load()->mutable_phases()->set_compute(nonsense);
          (*worker.mutable_refusals())["\x1b]0;x\x07"] = ~uint64_t{0};
          for (auto& link : *worker.mutable_load()->mutable_links()) {
            link.set_push_seconds(nonsense);
            link.set_round_trip_seconds(nonsense);
            link.set_server(~uint32_t{0});
          }
        }
      }
    }
    for (const ClusterSample* const earlier : {static_cast<const ClusterSample*>(nullptr), &std::as_const(before)}) {
      const ClusterView view = MakeClusterView(earlier, now);
      const std::string text = StatusText(view);
      EXPECT_EQ(text.find_first_of("\x1b\x07\x9b"), std::string::npos) << text;
      EXPECT_THAT(text, HasSubstr("\\x1b[2Jevil\\x0aname"));
      EXPECT_EQ(StatusJson(view).find_first_of("\x1b\n"), std::string::npos);
    }
  }
  EXPECT_EQ(StatusText(MakeClusterView(nullptr, {})), "no job yet\n");
}

}  // namespace
}  // namespace downpour
