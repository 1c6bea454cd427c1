#include "cli/launch/launch_plan.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "google/protobuf/text_format.h"
#include "proto/cluster.pb.h"
#include "worker/device/devices.h"

namespace downpour {
namespace {

constexpr char kLocalHost[] = "localhost";
constexpr uint32_t kPortMax = 65535;

// "user@host" as others reach it: "host".
std::string AddressOf(const std::string& host) {
  const size_t at = host.rfind('@');
  std::string name = at == std::string::npos ? host : host.substr(at + 1);
  return absl::StrContains(name, ':') && !absl::StartsWith(name, "[") ? absl::StrCat("[", name, "]") : name;
}

absl::Status CheckHosts(const LaunchOptions& options) {
  const size_t local = std::ranges::count(options.hosts, kLocalHost);
  if (local > 0 && local < options.hosts.size()) {
    return absl::InvalidArgumentError(
        "--hosts: localhost is another machine to each of the others: give the name by which they reach it");
  }
  for (const std::string& host : options.hosts) {
    const bool plain = !host.empty() && std::ranges::all_of(host, [](unsigned char character) {
      return absl::ascii_isalnum(character) || std::string("@.-_:[]%").find(character) != std::string::npos;
    });
    // What begins with a dash ssh takes for a flag of its own.
    if (!plain || host[0] == '-' || AddressOf(host).empty()) {
      return absl::InvalidArgumentError(absl::StrCat("--hosts: \"", host, "\" is no name of a host: write a,b,me@c"));
    }
  }
  return absl::OkStatus();
}

uint32_t WorkersOf(const LaunchOptions& options) {
  if (options.workers > 0) return options.workers;
  return IsLocal(options) ? 1 : static_cast<uint32_t>(options.hosts.size());
}

// A worker's own part of what several workers are given one name for: run.jsonl becomes run.worker-1.jsonl.
std::string OwnFile(const std::string& file, const std::string& task) {
  const std::filesystem::path path(file);
  return path.parent_path() / absl::StrCat(path.stem().string(), ".", task, path.extension().string());
}

// The part that is worker `index`'s of `count`, when all are given the same devices: at least one each.
std::vector<std::string> ShareOf(const std::vector<std::string>& devices, uint32_t index, uint32_t count) {
  if (devices.size() < count) return {devices[index % devices.size()]};
  const size_t begin = devices.size() * index / count;
  const size_t end = devices.size() * (index + 1) / count;
  return {devices.begin() + static_cast<ptrdiff_t>(begin), devices.begin() + static_cast<ptrdiff_t>(end)};
}

class Planner {
 public:
  Planner(const LaunchOptions& options, const ThisMachine& machine)
      : options_(options), machine_(machine), hosts_(IsLocal(options) ? std::vector<std::string>{""} : options.hosts) {}

  absl::StatusOr<LaunchPlan> Plan() {
    const uint32_t workers = WorkersOf(options_);
    for (uint32_t i = 0; i < options_.servers; ++i) DP_RETURN_IF_ERROR(Add("server", i, HostOf(i)));
    for (uint32_t i = 0; i < workers; ++i) ++workers_on_[AddressOf(HostOf(options_.servers + i))];
    for (uint32_t i = 0; i < workers; ++i) {
      DP_RETURN_IF_ERROR(Add("worker", i, HostOf(options_.servers + i)));
      LaunchTask& task = plan_.tasks.back();
      if (IsLocal(options_)) {
        DP_RETURN_IF_ERROR(GiveDevicesOfThisMachine(i, workers, &task));
      } else {
        GiveDevicesOfHost(workers_on_[AddressOf(task.host)], &task);
      }
      GiveFiles(i, workers, &task);
    }
    AddSecurity();
    google::protobuf::TextFormat::PrintToString(cluster_, &plan_.cluster_file);
    return std::move(plan_);
  }

 private:
  const std::string& HostOf(uint32_t turn) const { return hosts_[turn % hosts_.size()]; }

  absl::StatusOr<uint32_t> NextPort(const std::string& address) {
    if (IsLocal(options_) && options_.base_port == 0) return machine_.free_ports.at(plan_.tasks.size());
    const uint32_t port = (options_.base_port > 0 ? options_.base_port : kRemoteBasePort) + ports_of_[address]++;
    if (port <= kPortMax) return port;
    return absl::InvalidArgumentError(
        absl::StrCat("--base_port=", options_.base_port, " leaves too few ports for the tasks of one host"));
  }

  absl::Status Add(const std::string& role, uint32_t number, const std::string& host) {
    LaunchTask task;
    task.name = absl::StrCat(role, "/", number);
    task.host = host;
    task.is_server = role == "server";
    const std::string address = host.empty() ? "127.0.0.1" : AddressOf(host);
    DP_ASSIGN_OR_RETURN(const uint32_t port, NextPort(address));
    task.address = absl::StrCat(address, ":", port);

    ClusterConfig::Task* const entry = cluster_.add_task();
    entry->set_name(task.name);
    entry->set_address(task.address);
    // A machine's own name often stands for a loopback address on it.
    if (!host.empty()) entry->set_listen(absl::StrCat(absl::StartsWith(address, "[") ? "[::]:" : "0.0.0.0:", port));
    plan_.tasks.push_back(std::move(task));
    return absl::OkStatus();
  }

  void AddSecurity() {
    const SecurityOptions& security = options_.security;
    if (!security.tls() && !security.insecure_allow_plaintext) return;
    ClusterConfig::Security* const all = cluster_.mutable_security();
    all->set_cert_file(security.cert_file);
    all->set_key_file(security.key_file);
    all->set_trusted_ca_file(security.trusted_ca_file);
    all->set_client_cert_auth(security.client_cert_auth);
    all->set_insecure_allow_plaintext(security.insecure_allow_plaintext);
  }

  void NoteOnce(const std::string& note) {
    if (std::ranges::find(plan_.notes, note) == plan_.notes.end()) plan_.notes.push_back(note);
  }

  absl::Status GiveDevicesOfThisMachine(uint32_t index, uint32_t count, LaunchTask* task) {
    const bool by_default = options_.devices.empty();
    if (by_default && count == 1) return absl::OkStatus();  // the worker takes what there is
    const bool all_gpus = options_.devices == "cuda:all" || (by_default && !machine_.gpus.empty());
    if (all_gpus || by_default || options_.devices == "cpu:all") {
      const std::vector<std::string>& all = all_gpus ? machine_.gpus : machine_.lanes;
      const std::string kind = all_gpus ? "GPU" : "core";
      if (all.empty()) {
        return absl::InvalidArgumentError(absl::StrCat("--devices=", options_.devices, ": this machine has no ", kind));
      }
      const std::vector<std::string> share = ShareOf(all, index, count);
      task->arguments.push_back(absl::StrCat("--devices=", absl::StrJoin(share, ",")));
      if (count > 1) {
        const bool enough = all.size() >= count;
        NoteOnce(absl::StrCat("the machine's ", all.size(), " ", kind, all.size() == 1 ? "" : "s",
                              enough ? " are divided among " : " are shared by ", count, " workers",
                              enough ? "" : ": each is slower for it"));
      }
      return absl::OkStatus();
    }
    task->arguments.push_back(absl::StrCat("--devices=", options_.devices));
    DP_ASSIGN_OR_RETURN(const std::vector<std::string> devices, Annotate(ParseDevices(options_.devices), "--devices"));
    const size_t lanes = count * static_cast<size_t>(std::ranges::count_if(
                                     devices, [](const std::string& device) { return device.starts_with("cpu"); }));
    if (lanes > machine_.lanes.size()) {
      NoteOnce(absl::StrCat("the workers have ", lanes, " CPU devices together, and the machine ",
                            machine_.lanes.size(), machine_.lanes.size() == 1 ? " core" : " cores",
                            ": they share the cores"));
    }
    return absl::OkStatus();
  }

  void GiveDevicesOfHost(uint32_t workers_on_host, LaunchTask* task) {
    const bool all_lanes = options_.devices.empty() || options_.devices == "cpu:all";
    if (all_lanes && workers_on_host > 1) {
      task->workers_on_host = workers_on_host;
      NoteOnce("several workers on one host divide its cores among them; give --devices for anything else");
    } else if (!options_.devices.empty()) {
      task->arguments.push_back(absl::StrCat("--devices=", options_.devices));
    }
  }

  void GiveFiles(uint32_t index, uint32_t count, LaunchTask* task) {
    const std::string own = absl::StrCat("worker-", index);
    if (!options_.data_dir.empty()) task->arguments.push_back(absl::StrCat("--data_dir=", options_.data_dir));
    if (!options_.log_dir.empty()) {
      const std::filesystem::path folder(options_.log_dir);
      task->arguments.push_back(absl::StrCat("--log_dir=", (count == 1 ? folder : folder / own).string()));
    }
    if (!options_.json_log.empty()) {
      task->arguments.push_back(
          absl::StrCat("--json_log=", count == 1 ? options_.json_log : OwnFile(options_.json_log, own)));
    }
  }

  const LaunchOptions& options_;
  const ThisMachine& machine_;
  const std::vector<std::string> hosts_;
  LaunchPlan plan_;
  ClusterConfig cluster_;
  std::map<std::string, uint32_t> ports_of_;
  std::map<std::string, uint32_t> workers_on_;
};

}  // namespace

bool IsLocal(const LaunchOptions& options) {
  return std::ranges::all_of(options.hosts, [](const std::string& host) { return host == kLocalHost; });
}

absl::StatusOr<uint32_t> CountTasks(const LaunchOptions& options) {
  DP_RETURN_IF_ERROR(CheckHosts(options));
  if (options.servers == 0) return absl::InvalidArgumentError("--servers=0: someone has to hold the weights");
  if (options.servers > kLaunchTasksMax || WorkersOf(options) > kLaunchTasksMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kLaunchTasksMax, " servers or workers are not launched"));
  }
  return options.servers + WorkersOf(options);
}

absl::StatusOr<LaunchPlan> PlanLaunch(const LaunchOptions& options, const ThisMachine& machine) {
  DP_RETURN_IF_ERROR(CountTasks(options).status());
  if (!IsLocal(options) && !options.security.tls() && !options.security.insecure_allow_plaintext) {
    return absl::InvalidArgumentError(
        "--hosts: tasks on other machines talk over the network: give --cert_file, --key_file and --trusted_ca_file "
        "for TLS (deploy/make_certs.sh makes such files), or --insecure_allow_plaintext where everybody in that "
        "network may do everything");
  }
  return Planner(options, machine).Plan();
}

}  // namespace downpour
