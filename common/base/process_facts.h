#ifndef DOWNPOUR_COMMON_BASE_PROCESS_FACTS_H_
#define DOWNPOUR_COMMON_BASE_PROCESS_FACTS_H_

#include <cstdint>
#include <string>

namespace downpour {

// What the system knows of this process. Each is 0 or empty where it cannot be found out.
struct ProcessFacts {
  double cpu_seconds = 0;       // user and system
  uint64_t resident_bytes = 0;  // now
  uint32_t cores = 0;           // that it may use
  uint32_t pid = 0;
  std::string host;
  int64_t started_unix_ms = 0;  // when this was first asked; ask early
  double uptime_seconds = 0;    // since then
};

ProcessFacts FindProcessFacts();

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_PROCESS_FACTS_H_
