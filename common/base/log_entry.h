// One event of the log, and the two forms in which it is written.
#ifndef DOWNPOUR_COMMON_BASE_LOG_ENTRY_H_
#define DOWNPOUR_COMMON_BASE_LOG_ENTRY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace downpour {

enum class LogSeverity { kDebug, kInfo, kWarning, kError };

// "DEBUG", "INFO", "WARNING", "ERROR"; and back, whatever the case, for flags.
std::string_view LogSeverityName(LogSeverity severity);
absl::StatusOr<LogSeverity> ParseLogSeverity(std::string_view name);

// The views are valid while the sink is being called.
struct LogEntry {
  absl::Time time;  // wall time: the log is for people
  LogSeverity severity = LogSeverity::kInfo;
  std::string_view file;  // without directories
  int line = 0;
  std::string_view message;
};

// One line without its end: `2026-01-31T12:00:00.123456Z INFO file.cc:12] message`. Line ends in the message become
// `\n` and other control characters `\x1b`, so that an event is always one line and cannot steer a terminal.
std::string FormatLogText(const LogEntry& entry);

// One object of JSON on one line: {"time":"...","severity":"INFO","file":"file.cc","line":12,"message":"..."}.
std::string FormatLogJson(const LogEntry& entry);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_LOG_ENTRY_H_
