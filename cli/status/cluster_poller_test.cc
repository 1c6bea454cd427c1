#include "cli/status/cluster_poller.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/status/fake_task.h"
#include "common/base/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Names = std::vector<std::pair<std::string, std::string>>;  // task, address

wire::StatusReport ReportOf(const std::string& task, const Names& others = {}) {
  wire::StatusReport report;
  report.mutable_task()->set_task(task);
  report.mutable_task()->set_host("here");
  for (const auto& [name, address] : others) {
    wire::TaskAddress* const other = report.add_tasks();
    other->set_task(name);
    other->set_address(address);
  }
  return report;
}

void Answer(FakeTask* task, wire::StatusReport report) {
  task->report = [report = std::move(report)](const wire::StatusRequest&) { return report; };
}

std::vector<std::string> TasksOf(const ClusterSample& sample) {
  std::vector<std::string> tasks;
  for (const TaskSample& task : sample.tasks) tasks.push_back(task.task + (task.answered() ? "" : " down"));
  return tasks;
}

struct ClusterPollerTest : public ::testing::Test {
  ClusterSample Poll(const std::string& address) {
    if (poller == nullptr) {
      poller = std::make_unique<ClusterPoller>(&client, std::vector<std::string>{address}, "here", SteadyClock::Get());
    }
    return poller->Poll();
  }

  StatusClient client{{.deadline = absl::Milliseconds(500)}};
  std::unique_ptr<ClusterPoller> poller;
  FakeTask server0, server1, worker0, worker10;
};

TEST_F(ClusterPollerTest, OneAddressLeadsToAllTasksInTheirOrder) {
  Answer(&server0, ReportOf("server/0", {{"worker/10", worker10.address()},
                                         {"server/0", server0.address()},
                                         {"server/1", server1.address()}}));
  Answer(&server1, ReportOf("server/1", {{"worker/2", worker0.address()}}));
  Answer(&worker0, ReportOf("worker/2"));
  Answer(&worker10, ReportOf("worker/10"));
  EXPECT_THAT(TasksOf(Poll(server0.address())), ElementsAre("server/0", "server/1", "worker/2", "worker/10"));
}

TEST_F(ClusterPollerTest, ADeadTaskIsShownWithTheReason) {
  Answer(&server0, ReportOf("server/0", {{"server/1", "127.0.0.1:1"}, {"worker/0", worker0.address()}}));
  worker0.delay = absl::Seconds(30);
  const ClusterSample sample = Poll(server0.address());
  ASSERT_THAT(TasksOf(sample), ElementsAre("server/0", "server/1 down", "worker/0 down"));
  EXPECT_THAT(std::string(sample.tasks[1].status.message()), HasSubstr("connection refused"));
  EXPECT_THAT(std::string(sample.tasks[2].status.message()), HasSubstr("nothing within 0.5 s"));
}

TEST_F(ClusterPollerTest, KnowsTheNamesOfTasksThatHaveGoneSince) {
  Answer(&server0, ReportOf("server/0", {{"worker/0", worker0.address()}}));
  Answer(&worker0, ReportOf("worker/0"));
  EXPECT_THAT(TasksOf(Poll(server0.address())), ElementsAre("server/0", "worker/0"));
  worker0.status = server0.status = grpc::Status(grpc::StatusCode::INTERNAL, "");
  EXPECT_THAT(TasksOf(Poll(server0.address())), ElementsAre("server/0 down", "worker/0 down"));
}

TEST_F(ClusterPollerTest, FollowsATaskThatMoves) {
  Answer(&server0, ReportOf("server/0", {{"worker/0", worker0.address()}}));
  Answer(&worker0, ReportOf("worker/0"));
  Poll(server0.address());
  Answer(&server0, ReportOf("server/0", {{"worker/0", worker10.address()}}));
  Answer(&worker10, ReportOf("worker/0"));
  worker0.status = grpc::Status(grpc::StatusCode::UNAVAILABLE, "Connection refused");
  EXPECT_THAT(TasksOf(Poll(server0.address())), ElementsAre("server/0", "worker/0"));
}

TEST_F(ClusterPollerTest, ATaskAtAnothersAddressIsNotTakenForIt) {
  Answer(&server0, ReportOf("server/0", {{"worker/3", worker0.address()}}));
  Answer(&worker0, ReportOf("worker/7"));
  const ClusterSample sample = Poll(server0.address());
  ASSERT_THAT(TasksOf(sample), ElementsAre("server/0", "worker/3 down"));
  EXPECT_THAT(std::string(sample.tasks[1].status.message()), HasSubstr("calls itself worker/7, not worker/3"));
}

TEST_F(ClusterPollerTest, DoesNotAskLoopbackAddressesOfOtherMachines) {
  wire::StatusReport report = ReportOf("server/0", {{"worker/3", worker0.address()}});
  wire::WorkerStatus* const worker = report.add_workers();
  worker->set_worker(3);
  worker->mutable_load()->set_host("there");
  Answer(&server0, report);
  Answer(&worker0, ReportOf("worker/3"));
  const ClusterSample sample = Poll(server0.address());
  ASSERT_EQ(sample.tasks.size(), 2u);
  EXPECT_FALSE(sample.tasks[1].asked);
  EXPECT_THAT(std::string(sample.tasks[1].status.message()), HasSubstr("only to its own machine, there"));
}

TEST_F(ClusterPollerTest, IsNotLedAstrayByNonsense) {
  Names nonsense = {
      {"", ""},          {"server/1", "nowhere"},   {"worker/-1", "127.0.0.1:1"},   {"\x1b[2J", "127.0.0.1:1"},
      {"server/0", ":"}, {"server/9", "unix:/tmp"}, {"server/0", "127.0.0.1:99999"}};
  Answer(&server0, ReportOf("server/0", nonsense));
  EXPECT_THAT(TasksOf(Poll(server0.address())), ElementsAre("server/0"));
}

TEST_F(ClusterPollerTest, AsksForShardsWhereTheyAreWanted) {
  bool without = false;
  server0.report = [&](const wire::StatusRequest& request) {
    without = request.without_shards();
    return ReportOf("server/0");
  };
  Poll(server0.address());
  EXPECT_TRUE(without);
  poller->Poll([](const std::string&) { return true; });
  EXPECT_FALSE(without);
}

}  // namespace
}  // namespace downpour
