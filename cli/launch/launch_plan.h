// Which processes a launch is made of, and where: decided before anything runs.
#ifndef DOWNPOUR_CLI_LAUNCH_LAUNCH_PLAN_H_
#define DOWNPOUR_CLI_LAUNCH_LAUNCH_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/security/options.h"

namespace downpour {

// As the flags of `downpour launch` say it.
struct LaunchOptions {
  // As ssh takes them. None, or "localhost" alone: processes on this machine, without ssh.
  std::vector<std::string> hosts = {};
  uint32_t servers = 1;
  uint32_t workers = 0;  // 0: one on each host
  std::string devices = {};
  std::string data_dir = {};
  std::string log_dir = {};
  std::string json_log = {};
  uint32_t base_port = 0;  // 0: free ones on this machine, from kRemoteBasePort on others
  // Files as they are named on the hosts, with "{role}" and "{task}" as proto/cluster.proto has them.
  SecurityOptions security = {};
};

inline constexpr uint32_t kRemoteBasePort = 7070;

// More tasks than this are a slip of the pen.
inline constexpr uint32_t kLaunchTasksMax = 1000;

// What is asked of this machine beforehand.
struct ThisMachine {
  std::vector<std::string> lanes = {};    // "cpu:0", ...: what --devices=cpu:all stands for
  std::vector<std::string> gpus = {};     // likewise
  std::vector<uint32_t> free_ports = {};  // as many as there are tasks
};

struct LaunchTask {
  std::string name;     // "server/0"
  std::string host;     // as ssh takes it; empty: this machine
  std::string address;  // HOST:PORT by which the others reach it
  bool is_server = false;
  // After the program's name and the flags that name the cluster's and the job's file.
  std::vector<std::string> arguments = {};
  // Where this is not 0, --devices is to be one lane for each of the host's cores, divided by it. How many cores there
  // are is seen on the host.
  uint32_t workers_on_host = 0;
};

struct LaunchPlan {
  std::vector<LaunchTask> tasks;   // servers first, then workers, by number
  std::string cluster_file;        // its text: proto/cluster.proto
  std::vector<std::string> notes;  // for people: what they might not expect
};

// Round robin: servers go to the hosts in turn, workers to the hosts after those, so that a host that is left over has
// no server. INVALID_ARGUMENT names the flag that is wrong.
absl::StatusOr<LaunchPlan> PlanLaunch(const LaunchOptions& options, const ThisMachine& machine);

// How many tasks PlanLaunch will make; INVALID_ARGUMENT as there.
absl::StatusOr<uint32_t> CountTasks(const LaunchOptions& options);

// Without ssh.
bool IsLocal(const LaunchOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_LAUNCH_PLAN_H_
