#ifndef DOWNPOUR_SERVER_SERVER_FLAGS_H_
#define DOWNPOUR_SERVER_SERVER_FLAGS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/program.h"
#include "common/rpc/security/options.h"
#include "common/sharding/shard_map.h"

namespace downpour {

// The command line of downpour_server; each field is the flag of its name, those of `security` too.
struct ServerFlags {
  std::string cluster;
  std::string listen;
  std::string port_file;
  std::string task = "server/0";
  size_t connections_max = 1024;
  uint64_t memory_max = 0;         // bytes; 0: three quarters of what the machine, or the control group, has
  double heartbeat_timeout = 0.5;  // seconds
  double wait_for_job = 0;         // seconds; 0: without end
  double drain_timeout = 10;       // seconds
  ProgramFlags program;

  SecurityOptions security;
  bool shared_memory = true;

  void Register(CLI::App* app);
};

// The same with what the cluster file says of the task filled in, checked.
struct ServerSetup {
  ServerId server = 0;
  std::string listen;
  std::string address;                       // by which others reach it; empty: where it listens
  std::map<std::string, std::string> tasks;  // all of the cluster that have one: "worker/0" to HOST:PORT
  SecurityOptions security;
};

// INVALID_ARGUMENT and NOT_FOUND say which flag or which line of the file is wrong.
absl::StatusOr<ServerSetup> SetUpServer(const ServerFlags& flags);

// Of this process: three quarters of the machine's memory, or of the control group's where that is less.
uint64_t DefaultMemoryMax();

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVER_FLAGS_H_
