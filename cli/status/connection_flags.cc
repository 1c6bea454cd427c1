#include "cli/status/connection_flags.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/cluster/cluster_file.h"
#include "common/rpc/security/credentials.h"
#include "common/rpc/security/flags.h"

namespace downpour {
namespace {

constexpr char kServersVariable[] = "DOWNPOUR_SERVERS";

bool IsTaskWord(const std::string& word) {
  return absl::StartsWith(word, "worker/") || absl::StartsWith(word, "server/");
}

std::vector<std::string> SplitAddresses(std::string_view list) {
  std::vector<std::string> addresses;
  for (const absl::string_view part : absl::StrSplit(ToAbsl(list), absl::ByAnyChar(", \t\n"), absl::SkipEmpty())) {
    addresses.emplace_back(part);
  }
  return addresses;
}

}  // namespace

void ConnectionFlags::Register(CLI::App* command, const std::string& words, const std::string& help) {
  command->add_option(words, words_,
                      "HOST:PORT of a server, or of several; one suffices, it names the others. Otherwise those of "
                      "--cluster, or of " +
                          std::string(kServersVariable) + help);
  command->add_option("--cluster", cluster_file_, "The cluster's file (proto/cluster.proto as text)");
  RegisterClientSecurity(command, &security_);
}

std::vector<std::string> ConnectionFlags::TaskWords() const {
  std::vector<std::string> tasks;
  std::copy_if(words_.begin(), words_.end(), std::back_inserter(tasks), IsTaskWord);
  return tasks;
}

absl::StatusOr<std::vector<std::string>> ConnectionFlags::Addresses() const {
  std::vector<std::string> addresses;
  for (const std::string& word : words_) {
    if (IsTaskWord(word)) continue;
    const std::vector<std::string> parts = SplitAddresses(word);
    addresses.insert(addresses.end(), parts.begin(), parts.end());
  }
  if (addresses.empty() && !cluster_file_.empty()) {
    DP_ASSIGN_OR_RETURN(const ClusterFile cluster, ClusterFile::Read(cluster_file_));
    for (const auto& [task, address] : cluster.Addresses()) addresses.push_back(address);
    if (addresses.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(cluster_file_, " has no task with an address"));
    }
  }
  if (addresses.empty()) {
    if (const char* const servers = std::getenv(kServersVariable)) addresses = SplitAddresses(servers);
  }
  if (addresses.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "whom to ask? Name a server's address, like 10.0.0.1:7070, or --cluster=FILE, or set ", kServersVariable));
  }
  std::vector<std::string> distinct;
  for (const std::string& address : addresses) {
    DP_RETURN_IF_ERROR(HostPort::Parse(address).status());
    if (std::find(distinct.begin(), distinct.end(), address) == distinct.end()) distinct.push_back(address);
  }
  return distinct;
}

absl::StatusOr<SecurityOptions> ConnectionFlags::Security() const {
  SecurityOptions security = security_;
  if (cluster_file_.empty()) return security;
  DP_ASSIGN_OR_RETURN(const ClusterFile cluster, ClusterFile::Read(cluster_file_));
  // Certificates and keys there are the tasks' own, not of the person who asks.
  const SecurityOptions of_tasks = cluster.SecurityOf({TaskRole::kServer, 0});
  if (security.trusted_ca_file.empty()) security.trusted_ca_file = of_tasks.trusted_ca_file;
  if (of_tasks.insecure_allow_plaintext && !security.tls()) security.insecure_allow_plaintext = true;
  return security;
}

absl::StatusOr<std::unique_ptr<StatusClient>> ConnectionFlags::Connect() const {
  DP_ASSIGN_OR_RETURN(const SecurityOptions security, Security());
  StatusClientOptions options;
  options.security = security;
  if (security.tls()) {
    DP_RETURN_IF_ERROR(CheckClientOptions(security));
    DP_ASSIGN_OR_RETURN(options.credentials, MakeChannelCredentials(security));
  }
  return std::make_unique<StatusClient>(std::move(options));
}

}  // namespace downpour
