#include "common/base/log_entry.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/json_string.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

std::string ToUtc(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()); }

void AppendOnOneLine(std::string& line, std::string_view message) {
  for (const char c : message) {
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\r') {
      line += "\\r";
    } else if ((static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == 0x7f) {
      absl::StrAppend(&line, "\\x", absl::Hex(c, absl::kZeroPad2));
    } else {
      line += c;
    }
  }
}

}  // namespace

std::string_view LogSeverityName(LogSeverity severity) {
  switch (severity) {
    case LogSeverity::kDebug:
      return "DEBUG";
    case LogSeverity::kInfo:
      return "INFO";
    case LogSeverity::kWarning:
      return "WARNING";
    case LogSeverity::kError:
      return "ERROR";
  }
  return "UNKNOWN";
}

absl::StatusOr<LogSeverity> ParseLogSeverity(std::string_view name) {
  for (const LogSeverity severity :
       {LogSeverity::kDebug, LogSeverity::kInfo, LogSeverity::kWarning, LogSeverity::kError}) {
    if (absl::EqualsIgnoreCase(ToAbsl(LogSeverityName(severity)), ToAbsl(name))) return severity;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no log severity \"", ToAbsl(name), "\"; use one of debug, info, warning, error"));
}

std::string FormatLogText(const LogEntry& entry) {
  std::string line = absl::StrCat(ToUtc(entry.time), " ", ToAbsl(LogSeverityName(entry.severity)), " ",
                                  ToAbsl(entry.file), ":", entry.line, "] ");
  AppendOnOneLine(line, entry.message);
  return line;
}

std::string FormatLogJson(const LogEntry& entry) {
  return absl::StrCat("{\"time\":\"", ToUtc(entry.time), "\",\"severity\":\"", ToAbsl(LogSeverityName(entry.severity)),
                      "\",\"file\":", JsonString(entry.file), ",\"line\":", entry.line,
                      ",\"message\":", JsonString(entry.message), "}");
}

}  // namespace downpour
