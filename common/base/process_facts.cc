#include "common/base/process_facts.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/clock.h"

namespace downpour {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  uint64_t resident = 0;
  file >> pages >> resident;
  return file ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

}  // namespace

ProcessFacts FindProcessFacts() {
  static const int64_t started_unix_ms = absl::ToUnixMillis(absl::Now());
  static const absl::Duration started = SteadyClock::Get().Now();
  static const std::string host = HostName();
  ProcessFacts facts;
  facts.started_unix_ms = started_unix_ms;
  facts.uptime_seconds = absl::ToDoubleSeconds(SteadyClock::Get().Now() - started);
  facts.host = host;
  facts.pid = static_cast<uint32_t>(getpid());
  facts.resident_bytes = ResidentBytes();
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) facts.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) == 0) facts.cores = static_cast<uint32_t>(CPU_COUNT(&cores));
  return facts;
}

}  // namespace downpour
