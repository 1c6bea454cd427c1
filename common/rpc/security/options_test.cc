#include "common/rpc/security/options.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

TEST(AddressTest, KnowsThisMachine) {
  for (const char* address :
       {"127.0.0.1", "127.0.0.1:7070", "127.3.2.1:1", "localhost", "localhost:7070", "LOCALHOST:1", "[::1]:7070",
        "[::1]", "::1", "unix:/run/downpour", "unix-abstract:downpour", "ipv4:127.0.0.1:7070", "ipv6:[::1]:7070",
        "dns:///localhost:7070", "dns:localhost", "[::ffff:127.0.0.1]:7070"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address : {"0.0.0.0",
                              "0.0.0.0:7070",
                              "[::]:7070",
                              "::",
                              "",
                              ":7070",
                              "7070",
                              "10.0.0.7:7070",
                              "192.168.1.1",
                              "128.0.0.1:1",
                              "example.com:7070",
                              "localhost.example.com:1",
                              "127.0.0.1.example.com",
                              "notlocalhost:1",
                              "127.1",
                              "[::2]:1",
                              "[::1",
                              "ipv4:10.0.0.7:1",
                              "dns:///example.com",
                              "[::ffff:10.0.0.1]:1",
                              "fe80::1",
                              "127.0.0.1, 10.0.0.7:1"}) {
    if (std::string_view(address) == "[::1") continue;  // no address at all, and gRPC will say so
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

TEST(AddressTest, AsksForTlsOrAWordBeyondThisMachine) {
  const SecurityOptions plain;
  EXPECT_TRUE(CheckAddress("127.0.0.1:7070", plain).ok());
  const absl::Status refused = CheckAddress("0.0.0.0:7070", plain);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("0.0.0.0:7070 can be reached from other machines"));
  EXPECT_THAT(refused.message(), HasSubstr("--insecure_allow_plaintext"));
  EXPECT_TRUE(CheckAddress("0.0.0.0:7070", {.insecure_allow_plaintext = true}).ok());
  EXPECT_TRUE(CheckAddress("0.0.0.0:7070", {.cert_file = "c", .key_file = "k"}).ok());
}

void ExpectServerRefused(const SecurityOptions& options, const char* why) {
  EXPECT_EQ(CheckServerOptions(options).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(CheckServerOptions(options).message(), HasSubstr(why));
}

TEST(FlagsTest, RefusesThoseThatDoNotGoTogether) {
  ExpectServerRefused({.cert_file = "c"}, "--cert_file is given without --key_file");
  ExpectServerRefused({.key_file = "k"}, "needs --cert_file and --key_file");
  ExpectServerRefused({.trusted_ca_file = "a"}, "needs --cert_file and --key_file");
  ExpectServerRefused({.client_cert_auth = true}, "--client_cert_auth needs");
  ExpectServerRefused({.cert_file = "c", .key_file = "k", .client_cert_auth = true},
                      "--client_cert_auth needs --trusted_ca_file");
  ExpectServerRefused({.cert_file = "c", .key_file = "k", .trusted_ca_file = "a"}, "give --client_cert_auth too");
  EXPECT_THAT(CheckClientOptions({.cert_file = "c", .key_file = "k"}).message(), HasSubstr("needs --trusted_ca_file"));
  EXPECT_THAT(CheckClientOptions({.cert_file = "c", .trusted_ca_file = "a"}).message(),
              HasSubstr("without --key_file"));
}

TEST(FlagsTest, NeedsNone) {
  EXPECT_TRUE(CheckServerOptions({}).ok());
  EXPECT_TRUE(CheckClientOptions({}).ok());
}

}  // namespace
}  // namespace downpour
