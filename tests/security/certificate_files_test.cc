// deploy/make_certs.sh, and what a process says of such files before it starts.
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "common/rpc/security/options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/security/test_certificates.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

class CertificateFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!certificates_.complaint().empty()) GTEST_SKIP() << certificates_.complaint();
  }

  SecurityOptions Server() const {
    SecurityOptions options = certificates_.Options("server");
    options.client_cert_auth = true;
    return options;
  }
  void ExpectServerRefused(const SecurityOptions& options, absl::StatusCode code, const std::string& why) {
    const absl::Status status = CheckServerOptions(options);
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(status.message(), HasSubstr(why));
  }

  const testing::TestCertificates certificates_;
};

TEST_F(CertificateFilesTest, TakesWhatTheScriptMakes) {
  EXPECT_TRUE(CheckServerOptions(Server()).ok()) << CheckServerOptions(Server());
  EXPECT_TRUE(CheckClientOptions(certificates_.Options("worker")).ok());
  EXPECT_TRUE(CheckClientOptions(certificates_.Options("")).ok());
  SecurityOptions server_only = certificates_.Options("server");
  server_only.trusted_ca_file.clear();
  EXPECT_TRUE(CheckServerOptions(server_only).ok());
}

TEST_F(CertificateFilesTest, NamesTheFileThatIsMissingOrNoPem) {
  using enum absl::StatusCode;
  for (std::string SecurityOptions::*field :
       {&SecurityOptions::cert_file, &SecurityOptions::key_file, &SecurityOptions::trusted_ca_file}) {
    SecurityOptions options = Server();
    options.*field = certificates_.file("nothing-here");
    ExpectServerRefused(options, kNotFound, "cannot read " + certificates_.file("nothing-here"));
    options.*field = certificates_.folder();
    EXPECT_FALSE(CheckServerOptions(options).ok());
    options.*field = certificates_.file("garbage");
    std::ofstream(options.*field) << "-----BEGIN CERTIFICATE-----\nhello\n";
    ExpectServerRefused(options, kInvalidArgument, "garbage has no ");
  }
}

TEST_F(CertificateFilesTest, RefusesAKeyThatIsNotTheCertificatesOrOpenToAll) {
  SecurityOptions options = Server();
  options.key_file = certificates_.file("worker.key");
  ExpectServerRefused(options, absl::StatusCode::kFailedPrecondition, "is not that of the certificate");
  options = Server();
  ASSERT_EQ(chmod(options.key_file.c_str(), 0644), 0);
  ExpectServerRefused(options, absl::StatusCode::kFailedPrecondition, "chmod 600");
  ASSERT_EQ(chmod(options.key_file.c_str(), 0640), 0);
  EXPECT_TRUE(CheckServerOptions(options).ok());
}

TEST_F(CertificateFilesTest, RefusesAnExpiredCertificate) {
  ASSERT_EQ(certificates_.Make("--prefix=old --role=server --days=0"), 0);
  SecurityOptions options = certificates_.Options("old-server");
  options.client_cert_auth = true;
  ExpectServerRefused(options, absl::StatusCode::kFailedPrecondition, "expired on");
}

std::string Read(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

TEST_F(CertificateFilesTest, TheScriptKeepsKeysUnlessToldOtherwiseAndHidesThem) {
  const std::string key = Read(certificates_.file("worker.key"));
  const std::string authority = Read(certificates_.file("ca.crt"));
  ASSERT_FALSE(key.empty());
  std::string output;
  EXPECT_EQ(certificates_.Make("", &output), 0);
  EXPECT_THAT(output, HasSubstr("keeping"));
  EXPECT_EQ(Read(certificates_.file("worker.key")), key);
  EXPECT_EQ(certificates_.Make("--force --role=worker"), 0);
  EXPECT_NE(Read(certificates_.file("worker.key")), key);
  EXPECT_EQ(Read(certificates_.file("ca.crt")), authority);
  for (const char* name : {"ca.key", "worker.key", "server.key", "monitor.key", "admin.key"}) {
    struct stat status = {};
    ASSERT_EQ(stat(certificates_.file(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(CertificateFilesTest, TheScriptRefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(certificates_.Make("--days=soon"), 2);
  EXPECT_EQ(certificates_.Make("--role=king"), 2);
  EXPECT_EQ(certificates_.Make("--help"), 0);
  ASSERT_EQ(remove(certificates_.file("ca.key").c_str()), 0);
  std::string output;
  EXPECT_EQ(certificates_.Make("--force", &output), 1);
  EXPECT_THAT(output, HasSubstr("only one of ca.crt and ca.key"));
}

}  // namespace
}  // namespace downpour
