#include "worker/worker_flags.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/cluster/cluster_file.h"
#include "common/rpc/security/flags.h"

namespace downpour {
namespace {

// Where a task that nobody has given an address tells its status.
constexpr char kAnyLocalPort[] = "127.0.0.1:0";

}  // namespace

void WorkerFlags::Register(CLI::App* app) {
  app->add_option("--cluster", cluster, "The cluster's file (proto/cluster.proto as text), the same for all tasks")
      ->envname("DOWNPOUR_CLUSTER");
  app->add_option("--task", task, "Which of the cluster's workers this is")
      ->envname("DOWNPOUR_TASK")
      ->capture_default_str();
  app->add_option("--job", job, "The job's file, or the name of a shipped one; the same for all workers")
      ->envname("DOWNPOUR_JOB");
  app->add_option("--set", overrides, "PATH=VALUE: override a field of the job; repeat it. The same for all workers")
      ->take_all()
      ->allow_extra_args(false);
  app->add_option("--servers", servers, "HOST:PORT of each server, by their number, instead of --cluster")
      ->delimiter(',')
      ->envname("DOWNPOUR_SERVERS");
  app->add_option("--listen", listen,
                  "HOST:PORT to tell its status at; port 0 takes any. Default: its address in the "
                  "cluster's file, else any port of 127.0.0.1")
      ->envname("DOWNPOUR_LISTEN");
  app->add_option("--port_file", port_file, "A file to write that port to, once it is open");
  app->add_option("--devices", devices,
                  "A replica on each: cpu:0,cpu:1 | cpu:all | cuda:0 | cuda:all. Default: all GPUs, or all cores")
      ->envname("DOWNPOUR_DEVICES");
  app->add_option("--data_dir", data_dir, "Where the data is; goes before the job's and DOWNPOUR_DATA");
  app->add_option("--log_dir", log_dir, "For TensorBoard's event files; made if missing");
  app->add_option("--json_log", json_log, "A file that gets one JSON object a line for each event");
  app->add_option("--wait", wait, "Seconds to wait for servers that are not there yet, or do not answer any more")
      ->check(CLI::Range(0.0, 1e6))
      ->envname("DOWNPOUR_WAIT")
      ->capture_default_str();
  app->add_option("--shared_memory", shared_memory, "Payloads of servers on this machine go through shared memory")
      ->capture_default_str();
  program.Register(app);
  RegisterPeerSecurity(app, &security);
}

absl::StatusOr<WorkerSetup> SetUpWorker(const WorkerFlags& flags) {
  WorkerSetup setup;
  const absl::StatusOr<TaskName> task = TaskName::Parse(flags.task);
  if (!task.ok()) return Annotate(task.status(), "--task");
  if (task->role != TaskRole::kWorker) {
    return absl::InvalidArgumentError(
        absl::StrCat("--task=", flags.task, " is a server's; downpour_server runs those, this is for worker/0, ..."));
  }
  setup.task = *task;
  setup.servers = flags.servers;
  setup.listen = flags.listen;
  setup.devices = flags.devices;
  setup.security = flags.security;
  if (!flags.cluster.empty()) {
    if (!flags.servers.empty()) {
      return absl::InvalidArgumentError("--cluster and --servers both say where the servers are: give one of them");
    }
    const absl::StatusOr<ClusterFile> cluster = ClusterFile::Read(flags.cluster);
    if (!cluster.ok()) return Annotate(cluster.status(), "--cluster");
    DP_ASSIGN_OR_RETURN(const ClusterConfig::Task found, cluster->Find(*task));
    setup.servers = cluster->ServerAddresses();
    if (setup.listen.empty()) setup.listen = found.listen().empty() ? found.address() : found.listen();
    setup.address = found.address();
    if (setup.devices.empty()) setup.devices = found.devices();
    if (!setup.security.tls() && !setup.security.insecure_allow_plaintext) setup.security = cluster->SecurityOf(*task);
  }
  if (setup.listen.empty()) setup.listen = kAnyLocalPort;
  if (setup.servers.empty()) {
    return absl::InvalidArgumentError(
        "where are the servers? Give --cluster=FILE, or --servers=HOST:PORT,... (or DOWNPOUR_CLUSTER, "
        "DOWNPOUR_SERVERS)");
  }
  for (const std::string& server : setup.servers) {
    const absl::Status address = HostPort::Parse(server).status();
    if (!address.ok()) return Annotate(address, "--servers");
    DP_RETURN_IF_ERROR(CheckAddress(server, setup.security));
    // A name that cannot be asked for now may be there later.
    const absl::Status resolves = CheckResolves(server);
    if (absl::IsNotFound(resolves)) return resolves;
  }
  DP_RETURN_IF_ERROR(CheckClientOptions(setup.security));
  return setup;
}

}  // namespace downpour
