#include "common/rpc/security/roles.h"

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "proto/control.pb.h"
#include "proto/data_plane.pb.h"

namespace downpour {
namespace {

// Every method of every service in proto/, as its text has it: so one in a new file is found too.
std::set<std::string> MethodsInSources() {
  std::set<std::string> methods;
  for (const auto& entry : std::filesystem::directory_iterator("proto")) {
    if (entry.path().extension() != ".proto") continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const std::string source = std::regex_replace(text.str(), std::regex("//[^\n]*"), "");
    static const std::regex word("\\b(package|service|rpc)\\s+([A-Za-z0-9_.]+)");
    std::string package, service;
    for (std::sregex_iterator match(source.begin(), source.end(), word), end; match != end; ++match) {
      const std::string kind = (*match)[1], name = (*match)[2];
      if (kind == "package") package = name;
      if (kind == "service") service = name;
      if (kind == "rpc") methods.insert(absl::StrCat("/", package, ".", service, "/", name));
    }
  }
  return methods;
}

std::set<std::string> MethodsOf(const google::protobuf::FileDescriptor& file) {
  std::set<std::string> methods;
  for (int i = 0; i < file.service_count(); ++i) {
    const google::protobuf::ServiceDescriptor& service = *file.service(i);
    for (int j = 0; j < service.method_count(); ++j) {
      methods.insert(absl::StrCat("/", service.full_name(), "/", service.method(j)->name()));
    }
  }
  return methods;
}

TEST(RolesTest, RulesOnEveryMethodOfEveryService) {
  const std::set<std::string> methods = MethodsInSources();
  for (const std::string& method : methods) {
    EXPECT_NE(FindMethodRule(method), nullptr) << method << " has no rule: say in roles.cc who may call it";
  }
  // The reading of the sources misses nothing that the compiler of the protos has seen.
  for (const auto* file : {wire::ClientMessage::descriptor()->file(), wire::JoinRequest::descriptor()->file()}) {
    for (const std::string& method : MethodsOf(*file)) EXPECT_TRUE(methods.count(method)) << method;
  }
  EXPECT_GE(methods.size(), 5u);
}

TEST(RolesTest, HasNoRulesForWhatIsNotThere) {
  std::set<std::string> methods = MethodsInSources();
  // gRPC's own, which every server of ours has.
  methods.insert({"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"});
  std::set<std::string> ruled;
  for (const MethodRule& rule : MethodRules()) {
    EXPECT_TRUE(methods.count(std::string(rule.method))) << rule.method;
    EXPECT_TRUE(ruled.insert(std::string(rule.method)).second) << rule.method << " twice";
    EXPECT_NE(rule.roles, 0) << rule.method;
  }
  EXPECT_EQ(ruled, methods);
}

TEST(RolesTest, DeniesWhatIsNotAllowed) {
  EXPECT_EQ(FindMethodRule("/downpour.wire.DataPlane/Exchang"), nullptr);
  EXPECT_EQ(FindMethodRule("/downpour.wire.DataPlane/Exchange/"), nullptr);
  EXPECT_EQ(FindMethodRule(""), nullptr);
  const MethodRule* const exchange = FindMethodRule("/downpour.wire.DataPlane/Exchange");
  ASSERT_NE(exchange, nullptr);
  EXPECT_TRUE(exchange->Allows(Role::kWorker));
  for (const Role role : {Role::kServer, Role::kMonitor, Role::kAdmin}) EXPECT_FALSE(exchange->Allows(role));
}

TEST(RolesTest, ReadsRolesFromUrisAndNothingElse) {
  for (const Role role : kRoles)
    EXPECT_EQ(RoleOfUri(absl::StrCat("spiffe://downpour/role/", std::string(RoleName(role)))), role);
  for (const char* uri :
       {"", "worker", "spiffe://downpour/role/", "spiffe://downpour/role/king", "spiffe://downpour/role/worker/",
        "spiffe://downpour/role/worker ", "spiffe://downpour/role/Worker", "spiffe://elsewhere/role/worker",
        "spiffe://downpour.example.com/role/worker", "https://downpour/role/worker", "SPIFFE://downpour/role/worker",
        "spiffe://downpour/role//worker", "spiffe://downpour/role/worker,admin"}) {
    EXPECT_EQ(RoleOfUri(uri), std::nullopt) << uri;
  }
  EXPECT_EQ(RoleOfUri(std::string_view("spiffe://downpour/role/worker\0", 30)), std::nullopt);
}

}  // namespace
}  // namespace downpour
