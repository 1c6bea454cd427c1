#include "cli/launch/launch_plan.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/cluster.pb.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ThisMachine MachineOf(int cores) {
  ThisMachine machine;
  for (int i = 0; i < cores; ++i) machine.lanes.push_back(absl::StrCat("cpu:", i));
  for (uint32_t port = 20001; port < 20020; ++port) machine.free_ports.push_back(port);
  return machine;
}

LaunchOptions OnHosts(std::vector<std::string> hosts, uint32_t servers, uint32_t workers) {
  LaunchOptions options = {.hosts = std::move(hosts), .servers = servers, .workers = workers};
  options.security.insecure_allow_plaintext = true;
  return options;
}

LaunchPlan Plan(const LaunchOptions& options, int cores = 4) {
  absl::StatusOr<LaunchPlan> plan = PlanLaunch(options, MachineOf(cores));
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? *std::move(plan) : LaunchPlan();
}

std::string ErrorOf(const LaunchOptions& options) {
  const absl::StatusOr<LaunchPlan> plan = PlanLaunch(options, MachineOf(4));
  EXPECT_FALSE(plan.ok());
  return std::string(plan.status().message());
}

ClusterConfig ClusterOf(const LaunchPlan& plan) {
  ClusterConfig cluster;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(plan.cluster_file, &cluster)) << plan.cluster_file;
  return cluster;
}

std::vector<std::string> Places(const LaunchPlan& plan) {
  std::vector<std::string> places;
  for (const LaunchTask& task : plan.tasks) places.push_back(absl::StrCat(task.name, "@", task.host));
  return places;
}

std::string Arguments(const LaunchTask& task) { return absl::StrJoin(task.arguments, " "); }

TEST(LaunchPlanTest, OnThisMachineEachTaskHasAPortOfItsOwn) {
  const LaunchPlan plan = Plan({.servers = 2, .workers = 2});
  EXPECT_THAT(Places(plan), ElementsAre("server/0@", "server/1@", "worker/0@", "worker/1@"));
  const ClusterConfig cluster = ClusterOf(plan);
  ASSERT_EQ(cluster.task_size(), 4);
  EXPECT_EQ(cluster.task(0).name(), "server/0");
  EXPECT_EQ(cluster.task(0).address(), "127.0.0.1:20001");
  EXPECT_EQ(cluster.task(0).listen(), "");
  EXPECT_EQ(cluster.task(3).name(), "worker/1");
  EXPECT_EQ(cluster.task(3).address(), "127.0.0.1:20004");
  EXPECT_FALSE(cluster.has_security());
}

TEST(LaunchPlanTest, LocalhostIsThisMachine) {
  EXPECT_TRUE(IsLocal({.hosts = {"localhost"}}));
  EXPECT_TRUE(IsLocal({}));
  EXPECT_FALSE(IsLocal({.hosts = {"a"}}));
}

TEST(LaunchPlanTest, WorkersOfThisMachineDivideItsCoresAndThatIsSaid) {
  const LaunchPlan plan = Plan({.servers = 1, .workers = 2}, /*cores=*/5);
  EXPECT_EQ(Arguments(plan.tasks[1]), "--devices=cpu:0,cpu:1");
  EXPECT_EQ(Arguments(plan.tasks[2]), "--devices=cpu:2,cpu:3,cpu:4");
  EXPECT_THAT(plan.notes, ElementsAre("the machine's 5 cores are divided among 2 workers"));
}

TEST(LaunchPlanTest, MoreWorkersThanCoresShareThem) {
  const LaunchPlan plan = Plan({.servers = 1, .workers = 3, .devices = "cpu:all"}, /*cores=*/2);
  EXPECT_EQ(Arguments(plan.tasks[1]), "--devices=cpu:0");
  EXPECT_EQ(Arguments(plan.tasks[3]), "--devices=cpu:0");
  EXPECT_THAT(plan.notes, ElementsAre("the machine's 2 cores are shared by 3 workers: each is slower for it"));
}

TEST(LaunchPlanTest, OneWorkerTakesWhatThereIs) {
  const LaunchPlan plan = Plan({.servers = 1});
  ASSERT_EQ(plan.tasks.size(), 2u);
  EXPECT_EQ(Arguments(plan.tasks[1]), "");
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST(LaunchPlanTest, GpusAreDividedWhereThereAreSome) {
  ThisMachine machine = MachineOf(8);
  machine.gpus = {"cuda:0", "cuda:1", "cuda:2", "cuda:3"};
  const absl::StatusOr<LaunchPlan> plan = PlanLaunch({.servers = 1, .workers = 2}, machine);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(Arguments(plan->tasks[2]), "--devices=cuda:2,cuda:3");
}

TEST(LaunchPlanTest, DevicesThatAreNamedAreEachWorkersOwn) {
  const LaunchPlan plan = Plan({.servers = 1, .workers = 2, .devices = "cpu:0,cpu:1,cpu:2"}, /*cores=*/4);
  EXPECT_EQ(Arguments(plan.tasks[2]), "--devices=cpu:0,cpu:1,cpu:2");
  EXPECT_THAT(plan.notes, ElementsAre(HasSubstr("6 CPU devices together, and the machine 4 cores")));
}

TEST(LaunchPlanTest, ServersAndWorkersAreSpreadOverHosts) {
  EXPECT_THAT(Places(Plan(OnHosts({"a", "b", "c"}, 2, 4))),
              ElementsAre("server/0@a", "server/1@b", "worker/0@c", "worker/1@a", "worker/2@b", "worker/3@c"));
  EXPECT_THAT(Places(Plan(OnHosts({"a", "b"}, 1, 0))), ElementsAre("server/0@a", "worker/0@b", "worker/1@a"));
}

TEST(LaunchPlanTest, OnOtherHostsPortsGoUpOnEach) {
  const LaunchPlan plan = Plan(OnHosts({"me@a", "b"}, 1, 3));
  const ClusterConfig cluster = ClusterOf(plan);
  EXPECT_EQ(cluster.task(0).address(), "a:7070");
  EXPECT_EQ(cluster.task(1).address(), "b:7070");
  EXPECT_EQ(cluster.task(2).address(), "a:7071");
  EXPECT_EQ(cluster.task(3).address(), "b:7071");
  EXPECT_EQ(cluster.task(2).listen(), "0.0.0.0:7071");
  EXPECT_TRUE(cluster.security().insecure_allow_plaintext());
  LaunchOptions high = OnHosts({"a"}, 1, 3);
  high.base_port = 65534;
  EXPECT_THAT(ErrorOf(high), HasSubstr("--base_port=65534"));
}

TEST(LaunchPlanTest, AnIpv6AddressIsWrittenInBrackets) {
  const ClusterConfig cluster = ClusterOf(Plan(OnHosts({"me@fd00::2"}, 1, 1)));
  EXPECT_EQ(cluster.task(0).address(), "[fd00::2]:7070");
  EXPECT_EQ(cluster.task(0).listen(), "[::]:7070");
}

TEST(LaunchPlanTest, WorkersOfOneHostDivideItsCoresThere) {
  const LaunchPlan plan = Plan(OnHosts({"a", "b"}, 1, 3));
  EXPECT_EQ(plan.tasks[1].host, "b");
  EXPECT_EQ(plan.tasks[1].workers_on_host, 2u);
  EXPECT_EQ(plan.tasks[2].workers_on_host, 0u) << "it is alone on a, and takes what there is";
  LaunchOptions named = OnHosts({"a"}, 1, 2);
  named.devices = "cuda:0";
  EXPECT_EQ(Plan(named).tasks[1].workers_on_host, 0u);
  EXPECT_EQ(Arguments(Plan(named).tasks[1]), "--devices=cuda:0");
}

TEST(LaunchPlanTest, EachWorkerHasItsOwnLogs) {
  LaunchOptions options = {.servers = 1, .workers = 2, .devices = "cpu:0", .data_dir = "/data set"};
  options.log_dir = "logs";
  options.json_log = "out/run.jsonl";
  EXPECT_EQ(Arguments(Plan(options).tasks[2]),
            "--devices=cpu:0 --data_dir=/data set --log_dir=logs/worker-1 --json_log=out/run.worker-1.jsonl");
  options.workers = 1;
  EXPECT_THAT(Arguments(Plan(options).tasks[1]), HasSubstr("--log_dir=logs --json_log=out/run.jsonl"));
}

TEST(LaunchPlanTest, TheClusterFileSaysWhereCertificatesAre) {
  LaunchOptions options = OnHosts({"a"}, 1, 1);
  options.security = {.cert_file = "/etc/downpour/{role}.crt",
                      .key_file = "/etc/downpour/{task}.key",
                      .trusted_ca_file = "/etc/downpour/ca.crt",
                      .client_cert_auth = true};
  const ClusterConfig::Security security = ClusterOf(Plan(options)).security();
  EXPECT_EQ(security.cert_file(), "/etc/downpour/{role}.crt") << "tasks know what that is";
  EXPECT_EQ(security.key_file(), "/etc/downpour/{task}.key");
  EXPECT_EQ(security.trusted_ca_file(), "/etc/downpour/ca.crt");
  EXPECT_TRUE(security.client_cert_auth());
  EXPECT_FALSE(security.insecure_allow_plaintext());
}

TEST(LaunchPlanTest, OtherHostsWithoutTlsHaveToBeAskedForByName) {
  EXPECT_THAT(ErrorOf({.hosts = {"a"}}), HasSubstr("--insecure_allow_plaintext"));
}

TEST(LaunchPlanTest, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf({.servers = 0}), HasSubstr("--servers=0"));
  EXPECT_THAT(ErrorOf({.workers = 5000}), HasSubstr("more than 1000"));
  EXPECT_THAT(ErrorOf(OnHosts({"localhost", "b"}, 1, 1)), HasSubstr("localhost is another machine"));
  EXPECT_THAT(ErrorOf(OnHosts({"-oProxyCommand=x"}, 1, 1)), HasSubstr("no name of a host"));
  EXPECT_THAT(ErrorOf(OnHosts({"a", ""}, 1, 1)), HasSubstr("no name of a host"));
  EXPECT_THAT(ErrorOf(OnHosts({"a;id"}, 1, 1)), HasSubstr("no name of a host"));
  EXPECT_THAT(ErrorOf({.workers = 2, .devices = "tpu:0"}), HasSubstr("--devices"));
  EXPECT_THAT(ErrorOf({.workers = 2, .devices = "cuda:all"}), HasSubstr("no GPU"));
}

}  // namespace
}  // namespace downpour
