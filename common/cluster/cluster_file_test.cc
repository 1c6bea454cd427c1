#include "common/cluster/cluster_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGood[] = R"(
  task { name: "server/0" address: "10.0.0.1:7070" listen: "0.0.0.0:7070" }
  task { name: "server/1" address: "[fd00::2]:7070" }
  task { name: "worker/0" address: "gpu-box:7080" devices: "cuda:all" }
  task { name: "worker/7" security { insecure_allow_plaintext: true } }
  security { cert_file: "/etc/{role}/{task}.pem" key_file: "/etc/{task}.key" trusted_ca_file: "/etc/ca.pem" client_cert_auth: true }
)";

TEST(ClusterFile, KnowsItsTasks) {
  const auto cluster = ClusterFile::Parse(kGood, "c.textproto");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  EXPECT_THAT(cluster->ServerAddresses(), ElementsAre("10.0.0.1:7070", "[fd00::2]:7070"));
  EXPECT_EQ(cluster->Addresses().size(), 3);
  EXPECT_EQ(cluster->Find({TaskRole::kWorker, 0})->devices(), "cuda:all");
  const absl::Status missing = cluster->Find({TaskRole::kWorker, 3}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.message(), "c.textproto has no task worker/3; it has worker/0, worker/7");
}

TEST(ClusterFile, FillsTheTaskIntoTheNamesOfFiles) {
  const auto cluster = ClusterFile::Parse(kGood, "c.textproto");
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  const SecurityOptions security = cluster->SecurityOf({TaskRole::kServer, 1});
  EXPECT_EQ(security.cert_file, "/etc/server/server-1.pem");
  EXPECT_EQ(security.key_file, "/etc/server-1.key");
  EXPECT_TRUE(security.client_cert_auth);
  const SecurityOptions own = cluster->SecurityOf({TaskRole::kWorker, 7});
  EXPECT_TRUE(own.insecure_allow_plaintext);
  EXPECT_FALSE(own.tls());
}

TEST(ClusterFile, SaysWhatIsWrongAndWhere) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"task { name: 'server/0' address: 'a:1' }\ntask { name: 'server/0' address: 'b:1' }",
       "c.textproto:2:8: task[1].name: server/0 is there twice"},
      {"task { name: 'server/1' address: 'a:1' }", "there is server/1 but no server/0"},
      {"task { name: 'worker/1' address: 'a:1' }", "there is no server"},
      {"task { name: 'server/0' }", "server/0 needs an address"},
      {"task { name: 'server/0' address: 'nowhere' }", "\"nowhere\" is no address: write HOST:PORT"},
      {"task { name: 'server/0' address: 'a:70000' }", "\"a:70000\" is no address"},
      {"task { name: 'server/0' address: '::1:7070' }", "\"::1:7070\" is no address"},
      {"task { name: 'ps/0' address: 'a:1' }", "\"ps/0\" is no task"},
      {"task { name: 'server/0' address: 'a:1' }\ntask { name: 'worker/0' address: 'a:1' }",
       "a:1 is the address of server/0 already"},
      {"tasks { }", "c.textproto:1"},
  };
  for (const auto& wrong : cases) {
    const absl::Status status = ClusterFile::Parse(wrong.text, "c.textproto").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong.text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(wrong.says));
  }
}

TEST(TaskName, IsWrittenInOneWay) {
  for (const char* name : {"server/0", "worker/3", "worker/65535"}) {
    const auto task = TaskName::Parse(name);
    ASSERT_TRUE(task.ok()) << name;
    EXPECT_EQ(task->ToString(), name);
  }
  for (const char* name : {"", "server", "server/", "worker/-1", "worker/ 1", "worker/+1", "worker/01", "worker/65536",
                           "Worker/1", "worker/1x"}) {
    EXPECT_FALSE(TaskName::Parse(name).ok()) << name;
  }
}

TEST(TaskName, NumbersTellTaskAndReplica) {
  EXPECT_EQ(WorkerNumber(3, 0), 3);
  EXPECT_EQ(WorkerName(WorkerNumber(3, 0)), "worker/3");
  EXPECT_EQ(WorkerName(WorkerNumber(3, 2)), "worker/3:2");
  EXPECT_EQ(TaskOfWorker(WorkerNumber(65535, 255)), 65535);
  EXPECT_EQ(ReplicaOfWorker(WorkerNumber(65535, 255)), 255);
}

TEST(CheckResolves, FindsNamesOrSaysThatThereIsNone) {
  EXPECT_TRUE(CheckResolves("127.0.0.1:7070").ok());
  EXPECT_TRUE(CheckResolves("[::1]:7070").ok());
  const absl::Status status = CheckResolves("no-such-machine.invalid:7070");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("no-such-machine.invalid"));
}

}  // namespace
}  // namespace downpour
