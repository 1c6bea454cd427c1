// Over real sockets: every method, called by every kind of caller. The services here do nothing: UNIMPLEMENTED is what
// a call gets that came through to them (server_binary_test.cc asks the real ones).
#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/security/credentials.h"
#include "common/rpc/security/roles.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/control.grpc.pb.h"
#include "proto/data_plane.grpc.pb.h"
#include "tests/security/call.h"
#include "tests/security/test_certificates.h"

namespace downpour {
namespace {

using testing::Call;
using testing::CameThrough;
using testing::Connect;
using ::testing::HasSubstr;

class TestServer {
 public:
  explicit TestServer(const SecurityOptions& options) {
    const auto credentials = MakeServerCredentials(options, MakeAuthorizer(options), absl::Seconds(1));
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    if (!credentials.ok()) return;
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", *credentials, &port_);
    builder.RegisterService(&data_plane_);
    builder.RegisterService(&control_);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
  }
  ~TestServer() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  std::string address(const std::string& host = "localhost") const { return absl::StrCat(host, ":", port_); }

 private:
  wire::DataPlane::Service data_plane_;
  wire::Control::Service control_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class AccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!certificates_.complaint().empty()) GTEST_SKIP() << certificates_.complaint();
  }

  SecurityOptions MutualTls() const {
    SecurityOptions options = certificates_.Options("server");
    options.client_cert_auth = true;
    return options;
  }

  const testing::TestCertificates certificates_;
};

TEST_F(AccessTest, LetsEachRoleCallWhatItsRuleSaysAndNothingElse) {
  const TestServer server(MutualTls());
  for (const Role role : kRoles) {
    const auto channel = Connect(server.address(), certificates_.Options(std::string(RoleName(role))));
    for (const MethodRule& rule : MethodRules()) {
      const grpc::Status status = Call(channel, std::string(rule.method));
      SCOPED_TRACE(absl::StrCat(std::string(RoleName(role)), " ", std::string(rule.method), ": ", status.error_code(),
                                " ", status.error_message()));
      if (rule.Allows(role)) {
        EXPECT_TRUE(CameThrough(status));
      } else {
        EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
        EXPECT_THAT(status.error_message(), HasSubstr("may not call"));
      }
    }
    // Also to a role that may call much, what is in no table is closed, whether it is there or not.
    for (const char* method : {"/downpour.wire.Control/Nothing", "/grpc.channelz.v1.Channelz/GetServers",
                               "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"}) {
      EXPECT_EQ(Call(channel, method).error_code(), grpc::StatusCode::PERMISSION_DENIED) << method;
    }
  }
}

TEST_F(AccessTest, ConnectsToNobodyWhoseCertificateIsNoGood) {
  ASSERT_EQ(certificates_.Make("--prefix=old --role=worker --days=0"), 0);
  const testing::TestCertificates elsewhere;
  const TestServer server(MutualTls());
  // Trusts the server, but was certified by somebody whom that does not trust.
  SecurityOptions wrong_authority = elsewhere.Options("worker");
  wrong_authority.trusted_ca_file = certificates_.file("ca.crt");

  const std::vector<std::pair<const char*, std::shared_ptr<grpc::Channel>>> callers = {
      {"no certificate", Connect(server.address(), certificates_.Options(""))},
      {"certified by another CA", Connect(server.address(), wrong_authority)},
      {"expired", Connect(server.address(), {}, testing::UncheckedCredentials(certificates_.Options("old-worker")))},
      {"plaintext", Connect(server.address(), {})},
  };
  for (const auto& [name, channel] : callers) {
    for (const MethodRule& rule : MethodRules()) {
      EXPECT_EQ(Call(channel, std::string(rule.method)).error_code(), grpc::StatusCode::UNAVAILABLE)
          << name << " " << rule.method;
    }
  }
}

TEST_F(AccessTest, DoesNotTrustAServerOfAnotherAuthorityOrName) {
  const testing::TestCertificates elsewhere;
  const TestServer server(MutualTls());
  SecurityOptions options = certificates_.Options("worker");
  options.trusted_ca_file = elsewhere.file("ca.crt");
  EXPECT_EQ(Call(Connect(server.address(), options), "/grpc.health.v1.Health/Check").error_code(),
            grpc::StatusCode::UNAVAILABLE);
  // An address that is not in the certificate.
  EXPECT_EQ(Call(Connect(server.address("127.0.0.2"), certificates_.Options("worker")), "/grpc.health.v1.Health/Check")
                .error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(
      Call(Connect(server.address("127.0.0.1"), certificates_.Options("worker")), "/grpc.health.v1.Health/Check").ok());
}

TEST_F(AccessTest, LetsACertificateWithoutARoleCallNothing) {
  // Signed by the same CA, for a name that is no role of ours; and one with two roles.
  const auto make = [&](const std::string& name, const std::string& names) {
    const std::string at = certificates_.folder();
    return std::system(absl::StrCat("cd '", at, "' && openssl req -newkey rsa:2048 -nodes -keyout ", name,
                                    ".key -subj /CN=x -out x.csr", " 2>/dev/null && printf 'subjectAltName=", names,
                                    "' > x.ext && openssl x509 -req -in x.csr ",
                                    "-CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile x.ext -out ", name,
                                    ".crt 2>/dev/null")
                           .c_str());
  };
  ASSERT_EQ(make("king", "URI:spiffe://downpour/role/king"), 0);
  ASSERT_EQ(make("nobody", "DNS:worker"), 0);
  ASSERT_EQ(make("two", "URI:spiffe://downpour/role/worker,URI:spiffe://downpour/role/admin"), 0);
  const TestServer server(MutualTls());
  for (const char* name : {"king", "nobody", "two"}) {
    const auto channel = Connect(server.address(), certificates_.Options(name));
    for (const MethodRule& rule : MethodRules()) {
      const grpc::Status status = Call(channel, std::string(rule.method));
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << name << " " << rule.method;
      EXPECT_THAT(status.error_message(), HasSubstr("has no role"));
    }
  }
}

TEST_F(AccessTest, LetsEverybodyInWhoCanConnectWhereNobodyIsKnown) {
  SecurityOptions tls = certificates_.Options("server");
  tls.trusted_ca_file.clear();
  for (const SecurityOptions& options : {SecurityOptions(), tls}) {
    const TestServer server(options);
    const auto channel = Connect(server.address(), options.tls() ? certificates_.Options("") : SecurityOptions());
    for (const MethodRule& rule : MethodRules()) {
      EXPECT_TRUE(CameThrough(Call(channel, std::string(rule.method)))) << rule.method;
    }
  }
}

TEST_F(AccessTest, TakesUpNewFilesWhileItRuns) {
  const TestServer server(MutualTls());
  EXPECT_TRUE(Call(Connect(server.address(), certificates_.Options("worker")), "/grpc.health.v1.Health/Check").ok());

  // Another CA altogether, in the place of the first.
  const testing::TestCertificates next;
  for (const char* name : {"ca.crt", "server.crt", "server.key"}) {
    std::filesystem::copy_file(next.file(name), certificates_.file(std::string(name) + ".new"));
    std::filesystem::rename(certificates_.file(std::string(name) + ".new"), certificates_.file(name));
  }
  grpc::Status status;
  for (int i = 0; i < 100; ++i) {
    status = Call(Connect(server.address(), next.Options("worker")), "/grpc.health.v1.Health/Check");
    if (status.ok()) break;
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_TRUE(status.ok()) << status.error_message();
  // And the old ones are no good any more.
  SecurityOptions old = certificates_.Options("worker");
  old.trusted_ca_file = next.file("ca.crt");
  EXPECT_EQ(Call(Connect(server.address(), old), "/grpc.health.v1.Health/Check").error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AccessTest, MakesNothingOfOptionsThatAreNoGood) {
  SecurityOptions options = MutualTls();
  options.key_file = certificates_.file("worker.key");
  EXPECT_FALSE(MakeServerCredentials(options, MakeAuthorizer(options)).ok());
  options = certificates_.Options("worker");
  options.trusted_ca_file = certificates_.file("worker.key");
  EXPECT_FALSE(MakeChannelCredentials(options).ok());
}

}  // namespace
}  // namespace downpour
