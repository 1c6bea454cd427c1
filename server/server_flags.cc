#include "server/server_flags.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/cluster/cluster_file.h"
#include "common/cluster/task_name.h"
#include "common/rpc/security/flags.h"

namespace downpour {
namespace {

constexpr char kDefaultListen[] = "127.0.0.1:7070";

}  // namespace

void ServerFlags::Register(CLI::App* app) {
  app->add_option("--cluster", cluster, "The cluster's file (proto/cluster.proto as text), the same for all tasks")
      ->envname("DOWNPOUR_CLUSTER");
  app->add_option("--task", task, "Which of the job's servers this is")
      ->envname("DOWNPOUR_TASK")
      ->capture_default_str();
  app->add_option("--listen", listen,
                  "HOST:PORT; port 0 takes any that is free. Default: its address in the cluster's file, else "
                  "127.0.0.1:7070")
      ->envname("DOWNPOUR_LISTEN");
  app->add_option("--port_file", port_file, "A file to write the port to, once it is open");
  app->add_option("--connections_max", connections_max, "More are turned away")
      ->check(CLI::Range(size_t{1}, size_t{1} << 20))
      ->capture_default_str();
  app->add_option("--memory_max", memory_max,
                  "Of tables, optimizer and received pushes, such as 8GiB; 0: three quarters of the machine's")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->capture_default_str();
  app->add_option("--heartbeat_timeout", heartbeat_timeout,
                  "Seconds of silence after which a worker is suspect; after twice as many it is given up for dead")
      ->check(CLI::Range(0.05, 1e6))
      ->envname("DOWNPOUR_HEARTBEAT_TIMEOUT")
      ->capture_default_str();
  app->add_option("--wait_for_job", wait_for_job, "Seconds to wait for the first worker; 0: without end")
      ->check(CLI::Range(0.0, 1e7))
      ->capture_default_str();
  app->add_option("--drain_timeout", drain_timeout, "Seconds that what is open has to finish after SIGTERM")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  program.Register(app);

  RegisterServerSecurity(app, &security);
  app->add_option("--shared_memory", shared_memory, "Payloads of workers on this machine go through shared memory")
      ->capture_default_str();
}

absl::StatusOr<ServerSetup> SetUpServer(const ServerFlags& flags) {
  ServerSetup setup;
  const absl::StatusOr<TaskName> task = TaskName::Parse(flags.task);
  if (!task.ok()) return Annotate(task.status(), "--task");
  if (task->role != TaskRole::kServer) {
    return absl::InvalidArgumentError(
        absl::StrCat("--task=", flags.task, " is a worker's; downpour_worker runs those, this is for server/0, ..."));
  }
  setup.server = task->number;
  setup.listen = flags.listen;
  setup.security = flags.security;
  if (!flags.cluster.empty()) {
    const absl::StatusOr<ClusterFile> cluster = ClusterFile::Read(flags.cluster);
    if (!cluster.ok()) return Annotate(cluster.status(), "--cluster");
    DP_ASSIGN_OR_RETURN(const ClusterConfig::Task found, cluster->Find(*task));
    if (setup.listen.empty()) setup.listen = found.listen().empty() ? found.address() : found.listen();
    setup.address = found.address();
    for (const auto& [name, address] : cluster->Addresses()) setup.tasks[name.ToString()] = address;
    if (!setup.security.tls() && !setup.security.insecure_allow_plaintext) setup.security = cluster->SecurityOf(*task);
  }
  if (setup.listen.empty()) setup.listen = kDefaultListen;
  return setup;
}

uint64_t DefaultMemoryMax() {
  uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream group("/sys/fs/cgroup/memory.max");
  uint64_t limit = 0;
  if (group >> limit && limit > 0) bytes = std::min(bytes, limit);  // "max" is no number
  return bytes / 4 * 3;
}

}  // namespace downpour
