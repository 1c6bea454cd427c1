// `downpour status`, `why-slow`, `drain` and `stop` as people and scripts meet them, against tasks that are fakes.

#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/status/example_cluster.h"
#include "cli/status/fake_cluster.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Outcome {
  int exit_status = -1;
  std::string output = {};  // both streams
};

Outcome Downpour(const std::string& arguments, const std::string& environment = "") {
  const std::string command = absl::StrCat(environment, " cli/downpour ", arguments, " 2>&1");
  Outcome outcome;
  std::FILE* const pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t n = 0; (n = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) outcome.output.append(buffer, n);
  const int status = pclose(pipe);
  outcome.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

ExampleCluster Local(size_t servers, size_t workers) { return FakeCluster::Local(servers, workers); }

TEST(StatusCommand, ShowsAJobByOneOfItsAddresses) {
  FakeCluster cluster(Local(2, 3));
  const Outcome table = Downpour(absl::StrCat("status --interval=0.3 ", cluster.server(1).address()));
  EXPECT_EQ(table.exit_status, 0) << table.output;
  EXPECT_THAT(table.output, AllOf(HasSubstr("example, async, momentum"), ContainsRegex("server/0 +running"),
                                  ContainsRegex("worker/2 +live"), HasSubstr("best 0.9012")));
  const Outcome json = Downpour(absl::StrCat("status --json --shards --interval=0 ", cluster.address()));
  EXPECT_EQ(json.exit_status, 0);
  const nlohmann::json object = nlohmann::json::parse(json.output);
  EXPECT_EQ(object["workers"].size(), 3u);
  EXPECT_EQ(object["servers"][1]["shard_list"].size(), 4u);
}

TEST(StatusCommand, FailsWhereATaskDoesNotAnswerOrIsDead) {
  FakeCluster cluster(Local(2, 2));
  cluster.server(1).status = grpc::Status(grpc::StatusCode::INTERNAL, "\x1b[2Jboom");
  const Outcome outcome = Downpour(absl::StrCat("status --interval=0 ", cluster.address()));
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.output, AllOf(ContainsRegex("server/1 +no answer"), HasSubstr("says: \\x1b[2Jboom")));
  cluster.server(1).status = grpc::Status::OK;
  EXPECT_EQ(Downpour(absl::StrCat("status --interval=0 ", cluster.address())).exit_status, 0);
  cluster.example().workers[1].state = wire::WorkerStatus::DEAD;
  EXPECT_EQ(Downpour(absl::StrCat("status --interval=0 --json ", cluster.address())).exit_status, 1);
}

TEST(StatusCommand, SaysWhoDoesNotAnswer) {
  const Outcome outcome = Downpour("status 127.0.0.1:1");
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_EQ(outcome.output, "downpour: no answer from 127.0.0.1:1: connection refused; is the server up?\n");
  const Outcome json = Downpour("status --json 127.0.0.1:1");
  EXPECT_EQ(json.exit_status, 1);
  EXPECT_EQ(nlohmann::json::parse(json.output)["well"], false);
}

TEST(StatusCommand, TakesAddressesFromTheClustersFileAndTheEnvironment) {
  FakeCluster cluster(Local(1, 1));
  const Outcome by_environment = Downpour("status --interval=0", "DOWNPOUR_SERVERS=" + cluster.address());
  EXPECT_EQ(by_environment.exit_status, 0) << by_environment.output;
  const std::string file = ::testing::TempDir() + "/cluster.textproto";
  std::FILE* const out = std::fopen(file.c_str(), "w");
  std::fprintf(out, "task { name: 'server/0' address: '%s' }", cluster.address().c_str());
  std::fclose(out);
  const Outcome by_file = Downpour("status --interval=0 --cluster=" + file);
  EXPECT_EQ(by_file.exit_status, 0) << by_file.output;
  EXPECT_THAT(Downpour("status --cluster=/nowhere").output, HasSubstr("/nowhere"));
  EXPECT_EQ(Downpour("status --cluster=/nowhere").exit_status, 2);
}

TEST(StatusCommand, SaysHowItIsUsed) {
  for (const auto& [arguments, says] :
       std::vector<std::pair<std::string, std::string>>{{"status", "whom to ask?"},
                                                        {"status nowhere", "write HOST:PORT"},
                                                        {"status 127.0.0.1:1 --interval=-1", "interval"},
                                                        {"status 127.0.0.1:1 --trusted_ca_file=/nowhere", "/nowhere"},
                                                        {"why-slow", "whom to ask?"},
                                                        {"stop 127.0.0.1:1 worker/3", "downpour drain"},
                                                        {"drain 127.0.0.1:1", "Name workers: worker/3"},
                                                        {"drain 127.0.0.1:1 server/1", "servers cannot be drained"},
                                                        {"drain 127.0.0.1:1 worker/x", "is no task"}}) {
    const Outcome outcome = Downpour(arguments);
    EXPECT_EQ(outcome.exit_status, 2) << arguments << outcome.output;
    EXPECT_THAT(outcome.output, HasSubstr(says)) << arguments;
  }
}

TEST(StatusCommand, WatchesUntilItIsStopped) {
  FakeCluster cluster(Local(1, 1));
  const Outcome outcome =
      Downpour(absl::StrCat("status --json --interval=0.1 --watch=0.2 ", cluster.address()), "timeout 3");
  EXPECT_EQ(outcome.exit_status, 124);
  EXPECT_GE(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 2) << outcome.output;
}

TEST(WhySlowCommand, NamesTheCulprit) {
  ExampleCluster example = Local(1, 3);
  example.workers[1].compute = 0.3;
  FakeCluster cluster(example);
  const Outcome text = Downpour(absl::StrCat("why-slow --interval=2 ", cluster.address()));
  EXPECT_EQ(text.exit_status, 0);
  EXPECT_THAT(text.output, HasSubstr("1. worker/1 is a straggler"));
  const Outcome json = Downpour(absl::StrCat("why-slow --json --interval=2 ", cluster.address()));
  EXPECT_EQ(nlohmann::json::parse(json.output)["findings"][0]["subject"], "worker/1");
  EXPECT_EQ(Downpour("why-slow 127.0.0.1:1").exit_status, 1);
}

TEST(DrainCommand, AsksTheCoordinator) {
  FakeCluster cluster(Local(2, 2));
  cluster.server(0).drained_replicas = 2;
  const Outcome outcome = Downpour(absl::StrCat("drain ", cluster.server(1).address(), " worker/1"));
  EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("worker/1 gets no more work; 2 replicas finish what they hold and leave"));
  EXPECT_THAT(cluster.server(0).Asked(), ElementsAre("drain 1"));
  EXPECT_THAT(cluster.server(1).Asked(), IsEmpty());
  cluster.server(0).drained_replicas = 0;
  const Outcome nobody = Downpour(absl::StrCat("drain worker/7 ", cluster.address()));
  EXPECT_EQ(nobody.exit_status, 1);
  EXPECT_THAT(nobody.output, HasSubstr("worker/7 does not live: nothing to drain"));
  EXPECT_EQ(Downpour("drain 127.0.0.1:1 worker/0").exit_status, 1);
}

TEST(StopCommand, EndsTheRun) {
  FakeCluster cluster(Local(2, 1));
  const Outcome outcome = Downpour(absl::StrCat("stop ", cluster.server(1).address(), " --evaluate --why=enough"));
  EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
  EXPECT_THAT(cluster.server(0).Asked(), ElementsAre("stop evaluate enough"));
  cluster.server(0).was_over = true;
  EXPECT_THAT(Downpour("stop " + cluster.address()).output, HasSubstr("the run was over already"));
  cluster.server(0).admin_status = grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "");
  EXPECT_EQ(Downpour("stop " + cluster.address()).exit_status, 1);
}

TEST(StopCommand, ShutsServersDownOnceTheWorkersHaveLeft) {
  FakeCluster cluster(Local(2, 1));
  const Outcome early = Downpour(absl::StrCat("stop --servers --timeout=0.3 ", cluster.address()));
  EXPECT_EQ(early.exit_status, 1);
  EXPECT_THAT(early.output, HasSubstr("there are still worker/0: the servers were left running"));
  EXPECT_THAT(cluster.server(1).Asked(), IsEmpty());
  cluster.example().workers[0].state = wire::WorkerStatus::LEFT;
  const Outcome outcome = Downpour(absl::StrCat("stop --servers ", cluster.address()));
  EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
  EXPECT_THAT(cluster.server(1).Asked(), ElementsAre("shutdown"));
  EXPECT_THAT(cluster.server(0).Asked(), ElementsAre("stop ", "stop ", "shutdown"));
  EXPECT_THAT(outcome.output, HasSubstr("server/1 shuts down\nserver/0 shuts down\n"));
}

}  // namespace
}  // namespace downpour
