#include "common/base/log.h"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/mutex.h"

namespace downpour {
namespace {

struct Settings {
  Mutex mutex;
  std::shared_ptr<LogSink> sink DP_GUARDED_BY(mutex);
  std::atomic<LogFormat> format = LogFormat::kText;

  // Held while writing to stderr, so that a line that the kernel takes in pieces stays whole.
  Mutex stderr_mutex;
};

// Never destroyed: threads may log while the process ends.
Settings& GetSettings() {
  static Settings* const settings = new Settings();
  return *settings;
}

void WriteToStderr(const LogEntry& entry) {
  Settings& settings = GetSettings();
  std::string line =
      settings.format.load(std::memory_order_relaxed) == LogFormat::kJson ? FormatLogJson(entry) : FormatLogText(entry);
  line += '\n';
  MutexLock lock(&settings.stderr_mutex);
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t written = write(STDERR_FILENO, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody left to tell
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

std::string_view WithoutDirectories(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::shared_ptr<LogSink> SetLogSink(std::shared_ptr<LogSink> sink) {
  Settings& settings = GetSettings();
  MutexLock lock(&settings.mutex);
  return std::exchange(settings.sink, std::move(sink));
}

void SetLogFormat(LogFormat format) { GetSettings().format.store(format, std::memory_order_relaxed); }

void SetMinLogSeverity(LogSeverity severity) { log_internal::min_severity.store(severity, std::memory_order_relaxed); }

LogSeverity MinLogSeverity() { return log_internal::min_severity.load(std::memory_order_relaxed); }

namespace log_internal {

Message::Message(LogSeverity severity, const char* file, int line, int64_t held_back)
    : errno_(errno), severity_(severity), file_(WithoutDirectories(file)), line_(line), held_back_(held_back) {}

Message::~Message() {
  if (held_back_ > 0) stream_ << " (" << held_back_ << " more since the last such message)";
  const std::string message = std::move(stream_).str();
  const LogEntry entry = {.time = absl::Now(), .severity = severity_, .file = file_, .line = line_, .message = message};
  std::shared_ptr<LogSink> sink;
  {
    Settings& settings = GetSettings();
    MutexLock lock(&settings.mutex);
    sink = settings.sink;
  }
  if (sink != nullptr) {
    sink->Write(entry);
  } else {
    WriteToStderr(entry);
  }
  errno = errno_;
}

}  // namespace log_internal
}  // namespace downpour
