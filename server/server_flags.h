#ifndef DOWNPOUR_SERVER_SERVER_FLAGS_H_
#define DOWNPOUR_SERVER_SERVER_FLAGS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/security/options.h"
#include "common/sharding/shard_map.h"

namespace downpour {

// The command line of downpour_server; each field is the flag of its name, those of `security` too.
struct ServerFlags {
  std::string listen = "127.0.0.1:7070";
  std::string port_file;
  std::string task = "server/0";
  size_t connections_max = 1024;
  uint64_t memory_max = 0;     // bytes; 0: three quarters of what the machine, or the control group, has
  double worker_timeout = 30;  // seconds
  double drain_timeout = 10;   // seconds
  std::string log_format = "text";
  bool version = false;

  SecurityOptions security;
  bool shared_memory = true;

  void Register(CLI::App* app);

  // The number in `task`.
  absl::StatusOr<ServerId> server() const;
};

// Of this process: three quarters of the machine's memory, or of the control group's where that is less.
uint64_t DefaultMemoryMax();

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVER_FLAGS_H_
