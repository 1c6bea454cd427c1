#ifndef DOWNPOUR_WORKER_WORKER_FLAGS_H_
#define DOWNPOUR_WORKER_WORKER_FLAGS_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "common/base/program.h"
#include "common/cluster/task_name.h"
#include "common/rpc/security/options.h"

namespace downpour {

// The command line of downpour_worker: each field is the flag of its name, with its default.
struct WorkerFlags {
  std::string cluster;
  std::string task = "worker/0";
  std::string job;
  std::vector<std::string> overrides;  // --set
  std::vector<std::string> servers;
  std::string listen;
  std::string port_file;
  std::string devices;
  std::string data_dir;
  std::string log_dir;
  std::string json_log;
  double wait = 60;  // seconds
  bool shared_memory = true;
  ProgramFlags program;
  SecurityOptions security;

  void Register(CLI::App* app);
};

// The same with what the cluster file says of the task filled in, checked.
struct WorkerSetup {
  TaskName task;
  std::vector<std::string> servers;  // HOST:PORT, by their number
  std::string listen;                // where its status is told
  std::string address;               // by which others reach it there; empty: where it listens
  std::string devices;
  SecurityOptions security;
};

// INVALID_ARGUMENT and NOT_FOUND say which flag or which line of the file is wrong.
absl::StatusOr<WorkerSetup> SetUpWorker(const WorkerFlags& flags);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_WORKER_FLAGS_H_
