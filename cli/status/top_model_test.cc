#include "cli/status/top_model.h"

#include <cstring>
#include <string>
#include <vector>

#include "cli/status/example_cluster.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;

ClusterView ViewOf(const ExampleCluster& cluster, double seconds = 100) {
  return MakeClusterView(nullptr, cluster.At(seconds));
}

std::vector<std::string> Workers(const TopModel& model) {
  std::vector<std::string> names;
  for (const WorkerView* const worker : model.WorkerRows()) names.push_back(worker->name);
  return names;
}

void SortWorkersBy(const char* title, TopModel* model) {
  for (size_t i = 0; i < WorkerColumns().size(); ++i) {
    if (std::strcmp(WorkerColumns()[model->workers().sort_column].title, title) == 0) return;
    model->Press(TopKey::kSortRight, 10);
  }
  ADD_FAILURE() << "no column " << title;
}

ExampleCluster ThreeUnequalWorkers() {
  ExampleCluster cluster = ExampleCluster::Of(2, 3);
  cluster.workers[0].compute = 0.2;
  cluster.workers[2].compute = 0.1;
  return cluster;
}

TEST(TopModel, SortsByAnyColumnEitherWay) {
  TopModel model;
  model.Update(ViewOf(ThreeUnequalWorkers()));
  EXPECT_THAT(Workers(model), ElementsAre("worker/0", "worker/1", "worker/2"));
  SortWorkersBy("EX/S", &model);
  EXPECT_THAT(Workers(model), ElementsAre("worker/1", "worker/2", "worker/0"));
  model.Press(TopKey::kReverse, 10);
  EXPECT_THAT(Workers(model), ElementsAre("worker/0", "worker/2", "worker/1"));
  SortWorkersBy("WORKER", &model);
  EXPECT_THAT(Workers(model), ElementsAre("worker/2", "worker/1", "worker/0"));
  model.Press(TopKey::kSortLeft, 10);
  EXPECT_STREQ(WorkerColumns()[model.workers().sort_column].title, "HOST");
}

TEST(TopModel, WhatIsNotKnownComesLast) {
  ExampleCluster cluster = ThreeUnequalWorkers();
  ClusterSample sample = cluster.At(100);
  sample.tasks[3].report.mutable_workers(0)->mutable_load()->clear_loss();
  sample.tasks[3].report.mutable_workers(0)->mutable_load()->set_examples_per_second(-1);
  TopModel model;
  model.Update(MakeClusterView(nullptr, sample));
  SortWorkersBy("EX/S", &model);
  EXPECT_THAT(Workers(model), ElementsAre("worker/2", "worker/0", "worker/1"));
  model.Press(TopKey::kReverse, 10);
  EXPECT_THAT(Workers(model), ElementsAre("worker/0", "worker/2", "worker/1"));
}

TEST(TopModel, TheSelectedTaskStaysSelectedWhereverItGoes) {
  TopModel model;
  model.Update(ViewOf(ThreeUnequalWorkers()));
  model.Press(TopKey::kDown, 10);
  model.Press(TopKey::kDown, 10);
  EXPECT_EQ(model.SelectedWorker()->name, "worker/2");
  SortWorkersBy("EX/S", &model);
  EXPECT_EQ(model.SelectedWorker()->name, "worker/2");
  model.Press(TopKey::kUp, 10);
  EXPECT_EQ(model.SelectedWorker()->name, "worker/1");
  model.Press(TopKey::kEnd, 10);
  EXPECT_EQ(model.SelectedWorker()->name, "worker/0");
  model.Press(TopKey::kPageUp, 10);
  EXPECT_EQ(model.SelectedWorker()->name, "worker/1");
  model.Update(ViewOf(ExampleCluster::Of(2, 1)));
  EXPECT_EQ(model.SelectedWorker()->name, "worker/0") << "the selected one has gone";
  model.Press(TopKey::kOtherTable, 10);
  EXPECT_EQ(model.SelectedWorker(), nullptr);
  EXPECT_EQ(model.SelectedServer()->task, "server/0");
}

TEST(TopModel, APauseHoldsTheView) {
  TopModel model;
  model.Update(ViewOf(ExampleCluster::Of(1, 1)));
  model.Press(TopKey::kPause, 10);
  model.Update(ViewOf(ExampleCluster::Of(1, 5)));
  EXPECT_EQ(model.view().workers.size(), 1u);
  EXPECT_EQ(model.losses().size(), 1u);
  model.Press(TopKey::kPause, 10);
  model.Update(ViewOf(ExampleCluster::Of(1, 5)));
  EXPECT_EQ(model.view().workers.size(), 5u);
}

TEST(TopModel, RemembersTheLastValuesOfTasksThatAreThere) {
  TopModel model;
  for (int i = 0; i < 2000; ++i) model.Update(ViewOf(ExampleCluster::Of(1, 2), 10 + i));
  EXPECT_EQ(model.losses().size(), 512u);
  EXPECT_EQ(model.RatesOf("worker/1").size(), 512u);
  model.Update(ViewOf(ExampleCluster::Of(1, 1)));
  EXPECT_TRUE(model.RatesOf("worker/1").empty());
}

TEST(TopModel, KeysBeforeThereIsAnythingDoNothing) {
  TopModel model;
  for (int key = 0; key <= static_cast<int>(TopKey::kBack); ++key) model.Press(static_cast<TopKey>(key), 0);
  EXPECT_EQ(model.SelectedWorker(), nullptr);
  EXPECT_FALSE(model.shows_details());
  model.Press(TopKey::kHelp, 10);
  EXPECT_TRUE(model.shows_help());
  model.Press(TopKey::kDown, 10);
  EXPECT_FALSE(model.shows_help());
  model.Press(TopKey::kQuit, 10);
  EXPECT_TRUE(model.quits());
}

}  // namespace
}  // namespace downpour
