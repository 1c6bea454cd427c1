#include "server/server_flags.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/rpc/security/flags.h"

namespace downpour {

void ServerFlags::Register(CLI::App* app) {
  app->add_option("--listen", listen, "HOST:PORT; port 0 takes any that is free")->capture_default_str();
  app->add_option("--port_file", port_file, "A file to write the port to, once it is open");
  app->add_option("--task", task, "Which of the job's servers this is")->capture_default_str();
  app->add_option("--connections_max", connections_max, "More are turned away")
      ->check(CLI::Range(size_t{1}, size_t{1} << 20))
      ->capture_default_str();
  app->add_option("--memory_max", memory_max,
                  "Of tables, optimizer and received pushes, such as 8GiB; 0: three quarters of the machine's")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->capture_default_str();
  app->add_option("--worker_timeout", worker_timeout, "Seconds of silence after which a worker is given up for dead")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  app->add_option("--drain_timeout", drain_timeout, "Seconds that what is open has to finish after SIGTERM")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app->add_option("--log_format", log_format, "Of the log on stderr")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app->add_flag("--version", version, "Show the version, and those of what it was built on");

  RegisterServerSecurity(app, &security);
  app->add_option("--shared_memory", shared_memory, "Payloads of workers on this machine go through shared memory")
      ->capture_default_str();
}

absl::StatusOr<ServerId> ServerFlags::server() const {
  absl::string_view number = task;
  ServerId id = 0;
  if (absl::ConsumePrefix(&number, "server/") && absl::SimpleAtoi(number, &id)) return id;
  return absl::InvalidArgumentError(absl::StrCat("--task=", task, " is no server's: write server/0, server/1, ..."));
}

uint64_t DefaultMemoryMax() {
  uint64_t bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  std::ifstream group("/sys/fs/cgroup/memory.max");
  uint64_t limit = 0;
  if (group >> limit && limit > 0) bytes = std::min(bytes, limit);  // "max" is no number
  return bytes / 4 * 3;
}

}  // namespace downpour
