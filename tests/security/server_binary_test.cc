// The same of the real server, by its command line.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/rpc/security/roles.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/security/call.h"
#include "tests/security/server_process.h"
#include "tests/security/test_certificates.h"

namespace downpour {
namespace {

using testing::Call;
using testing::CameThrough;
using testing::Connect;
using ::testing::HasSubstr;
using testing::ServerProcess;

constexpr char kShutdown[] = "/downpour.wire.Admin/Shutdown";

class ServerBinaryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!certificates_.complaint().empty()) GTEST_SKIP() << certificates_.complaint();
  }

  std::vector<std::string> MutualTls() const {
    return {"--listen=127.0.0.1:0", "--cert_file=" + certificates_.file("server.crt"),
            "--key_file=" + certificates_.file("server.key"), "--trusted_ca_file=" + certificates_.file("ca.crt"),
            "--client_cert_auth"};
  }
  static std::string AddressOf(const ServerProcess& server) { return absl::StrCat("localhost:", server.port()); }

  const testing::TestCertificates certificates_;
};

TEST_F(ServerBinaryTest, LetsEachCallerCallWhatItMayAndNothingElse) {
  ASSERT_EQ(certificates_.Make("--prefix=old --role=worker --days=0"), 0);
  const testing::TestCertificates elsewhere;
  const ServerProcess server(MutualTls());
  ASSERT_NE(server.port(), 0) << server.complaint();
  for (const Role role : kRoles) {
    const auto channel = Connect(AddressOf(server), certificates_.Options(std::string(RoleName(role))));
    for (const MethodRule& rule : MethodRules()) {
      if (rule.method == kShutdown && rule.Allows(role)) continue;  // in the end
      const grpc::Status status = Call(channel, std::string(rule.method));
      SCOPED_TRACE(absl::StrCat(std::string(RoleName(role)), " ", std::string(rule.method), ": ",
                                static_cast<int>(status.error_code()), " ", status.error_message()));
      EXPECT_EQ(CameThrough(status), rule.Allows(role));
      EXPECT_EQ(status.error_code() == grpc::StatusCode::PERMISSION_DENIED, !rule.Allows(role));
    }
    EXPECT_EQ(Call(channel, "/downpour.wire.Control/Nothing").error_code(), grpc::StatusCode::PERMISSION_DENIED);
  }
  SecurityOptions wrong_authority = elsewhere.Options("worker");
  wrong_authority.trusted_ca_file = certificates_.file("ca.crt");
  const std::vector<std::pair<const char*, std::shared_ptr<grpc::Channel>>> strangers = {
      {"no certificate", Connect(AddressOf(server), certificates_.Options(""))},
      {"certified by another CA", Connect(AddressOf(server), wrong_authority)},
      {"expired", Connect(AddressOf(server), {}, testing::UncheckedCredentials(certificates_.Options("old-worker")))},
      {"plaintext", Connect(AddressOf(server), {})},
  };
  for (const auto& [name, channel] : strangers) {
    for (const MethodRule& rule : MethodRules()) {
      EXPECT_EQ(Call(channel, std::string(rule.method)).error_code(), grpc::StatusCode::UNAVAILABLE)
          << name << " " << rule.method;
    }
  }
  const auto admin = Connect(AddressOf(server), certificates_.Options("admin"));
  EXPECT_TRUE(Call(admin, kShutdown).ok());
}

TEST_F(ServerBinaryTest, ListensBeyondThisMachineOnlyWithTlsOrWhenTold) {
  const ServerProcess refused({"--listen=0.0.0.0:0"});
  EXPECT_EQ(refused.port(), 0);
  EXPECT_EQ(refused.exit_status(), 2);
  EXPECT_THAT(refused.complaint(), HasSubstr("--insecure_allow_plaintext"));

  EXPECT_NE(ServerProcess({"--listen=0.0.0.0:0", "--insecure_allow_plaintext"}).port(), 0);
  std::vector<std::string> tls = MutualTls();
  tls[0] = "--listen=0.0.0.0:0";
  EXPECT_NE(ServerProcess(tls).port(), 0);
}

TEST_F(ServerBinaryTest, NamesTheFileThatIsNoGoodAndDoesNotStart) {
  std::vector<std::string> flags = MutualTls();
  flags[2] = "--key_file=" + certificates_.file("worker.key");
  const ServerProcess mismatched(flags);
  EXPECT_EQ(mismatched.exit_status(), 2);
  EXPECT_THAT(mismatched.complaint(), HasSubstr("worker.key is not that of the certificate"));
  flags[2] = "--key_file=nowhere";
  EXPECT_THAT(ServerProcess(flags).complaint(), HasSubstr("cannot read nowhere"));
}

}  // namespace
}  // namespace downpour
