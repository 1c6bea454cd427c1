#include "common/cluster/cluster_file.h"

#include <netdb.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/config/text_config.h"

namespace downpour {

absl::StatusOr<HostPort> HostPort::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  HostPort parts;
  uint32_t port = 0;
  bool good = colon != std::string_view::npos && colon > 0;
  if (good) {
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) host = host.substr(1, host.size() - 2);
    good = !host.empty() && (bracketed || host.find(':') == std::string_view::npos) &&
           host.find_first_of(" \t\n/") == std::string_view::npos;
    parts.host = std::string(host);
    parts.port = std::string(text.substr(colon + 1));
    good = good && absl::SimpleAtoi(parts.port, &port) && port >= 1 && port <= 65535;
  }
  if (!good) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", ToAbsl(text), "\" is no address: write HOST:PORT, like 10.0.0.1:7070 or [::1]:7070"));
  }
  return parts;
}

absl::Status CheckResolves(std::string_view address) {
  DP_ASSIGN_OR_RETURN(const HostPort parts, HostPort::Parse(address));
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(parts.host.c_str(), parts.port.c_str(), &hints, &found);
  if (error == 0) {
    freeaddrinfo(found);
    return absl::OkStatus();
  }
  const std::string message =
      absl::StrCat("cannot find the machine of ", ToAbsl(address), ": ", gai_strerror(error), " (", parts.host, ")");
  return error == EAI_AGAIN ? absl::UnavailableError(message) : absl::NotFoundError(message);
}

absl::StatusOr<ClusterFile> ClusterFile::Read(const std::string& file) {
  DP_ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(file));
  return Parse(text, file);
}

absl::StatusOr<ClusterFile> ClusterFile::Parse(std::string_view text, const std::string& file) {
  ClusterConfig config;
  ConfigOrigins origins;
  DP_RETURN_IF_ERROR(ParseConfig(text, file, &config, &origins));
  ClusterFile cluster;
  cluster.file_ = file;
  cluster.security_ = config.security();
  const auto wrong = [&](std::string_view path, std::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(origins.Describe(path), ": ", ToAbsl(what)));
  };
  std::map<std::string, TaskName> by_address;
  for (int i = 0; i < config.task_size(); ++i) {
    const ClusterConfig::Task& task = config.task(i);
    const std::string path = absl::StrCat("task[", i, "]");
    const absl::StatusOr<TaskName> name = TaskName::Parse(task.name());
    if (!name.ok()) return origins.Annotate(name.status(), path + ".name");
    if (!cluster.tasks_.emplace(*name, task).second) {
      return wrong(path + ".name", absl::StrCat(task.name(), " is there twice; each task is one process"));
    }
    if (name->role == TaskRole::kServer && task.address().empty()) {
      return wrong(path, absl::StrCat(task.name(), " needs an address, by which workers reach it"));
    }
    for (const auto& [field, address] : {std::pair(".address", task.address()), std::pair(".listen", task.listen())}) {
      if (address.empty()) continue;
      const absl::Status status = HostPort::Parse(address).status();
      if (!status.ok()) return origins.Annotate(status, path + field);
    }
    if (task.address().empty()) continue;
    const auto [there, is_new] = by_address.emplace(task.address(), *name);
    if (!is_new) {
      return wrong(path + ".address",
                   absl::StrCat(task.address(), " is the address of ", there->second.ToString(), " already"));
    }
  }
  uint32_t servers = 0;
  for (const auto& [name, task] : cluster.tasks_) {
    if (name.role != TaskRole::kServer) break;
    if (name.number != servers) {
      return wrong("task", absl::StrCat("there is ", name.ToString(), " but no server/", servers,
                                        ": servers are numbered from 0 without a gap"));
    }
    ++servers;
  }
  if (servers == 0) return wrong("task", "there is no server: a job needs at least server/0");
  return cluster;
}

absl::StatusOr<ClusterConfig::Task> ClusterFile::Find(TaskName task) const {
  const auto found = tasks_.find(task);
  if (found != tasks_.end()) return found->second;
  std::string others;
  for (const auto& [name, config] : tasks_) {
    if (name.role == task.role) absl::StrAppend(&others, others.empty() ? "" : ", ", name.ToString());
  }
  return absl::NotFoundError(absl::StrCat(file_, " has no task ", task.ToString(), "; it has ",
                                          others.empty() ? "none of that kind" : others));
}

std::vector<std::string> ClusterFile::ServerAddresses() const {
  std::vector<std::string> addresses;
  for (const auto& [name, task] : tasks_) {
    if (name.role == TaskRole::kServer) addresses.push_back(task.address());
  }
  return addresses;
}

std::map<TaskName, std::string> ClusterFile::Addresses() const {
  std::map<TaskName, std::string> addresses;
  for (const auto& [name, task] : tasks_) {
    if (!task.address().empty()) addresses.emplace(name, task.address());
  }
  return addresses;
}

SecurityOptions ClusterFile::SecurityOf(TaskName task) const {
  const auto found = tasks_.find(task);
  const bool own = found != tasks_.end() && found->second.has_security();
  const ClusterConfig::Security& security = own ? found->second.security() : security_;
  const std::string name = absl::StrReplaceAll(task.ToString(), {{"/", "-"}});
  const std::string role = task.role == TaskRole::kServer ? "server" : "worker";
  const auto filled = [&](const std::string& file) {
    return absl::StrReplaceAll(file, {{"{task}", name}, {"{role}", role}});
  };
  SecurityOptions options;
  options.cert_file = filled(security.cert_file());
  options.key_file = filled(security.key_file());
  options.trusted_ca_file = filled(security.trusted_ca_file());
  options.client_cert_auth = security.client_cert_auth();
  options.insecure_allow_plaintext = security.insecure_allow_plaintext();
  return options;
}

}  // namespace downpour
