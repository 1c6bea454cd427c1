// The one logger of the project.
//
//   DP_LOG(INFO) << "loaded " << tables << " tables from " << path;
//   DP_LOG_EVERY(WARNING, absl::Seconds(10)) << "worker " << worker << " is behind";
//
// Severities are DEBUG, INFO, WARNING, ERROR; nothing ends the process. Events go to stderr, one line each by one
// write(2), as text or JSON (log_entry.h shows both), unless a sink was set. What is below the minimum severity costs
// one load, and what is streamed into it is not evaluated. Any thread may call everything here.
#ifndef DOWNPOUR_COMMON_BASE_LOG_H_
#define DOWNPOUR_COMMON_BASE_LOG_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <ostream>
#include <sstream>
#include <string_view>

#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/log_entry.h"
#include "common/base/log_throttle.h"

namespace downpour {

// Where events go. Write may be called by several threads at once, must not log itself, and need not look at
// severities: what is below the minimum never arrives.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Write(const LogEntry& entry) = 0;
};

// Sends events to `sink` from now on, or to stderr again for null, and returns the sink that was there (null: stderr).
// A call that is under way in the old sink holds a share of it until it returns.
std::shared_ptr<LogSink> SetLogSink(std::shared_ptr<LogSink> sink);

// How stderr is written; kText at the start. Sinks that were set format as they like.
enum class LogFormat { kText, kJson };
void SetLogFormat(LogFormat format);

// Events below this are dropped; kInfo at the start.
void SetMinLogSeverity(LogSeverity severity);
LogSeverity MinLogSeverity();

// What the macros expand to.
namespace log_internal {

inline constexpr LogSeverity kDEBUG = LogSeverity::kDebug;
inline constexpr LogSeverity kINFO = LogSeverity::kInfo;
inline constexpr LogSeverity kWARNING = LogSeverity::kWarning;
inline constexpr LogSeverity kERROR = LogSeverity::kError;

inline std::atomic<LogSeverity> min_severity{LogSeverity::kInfo};

inline bool IsOn(LogSeverity severity) { return severity >= min_severity.load(std::memory_order_relaxed); }

// Collects one message and sends it off when it ends. Leaves errno as it was.
class Message {
 public:
  Message(LogSeverity severity, const char* file, int line, int64_t held_back = 0);
  ~Message();
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  std::ostream& stream() { return stream_; }

 private:
  const int errno_;
  const LogSeverity severity_;
  const std::string_view file_;
  const int line_;
  const int64_t held_back_;
  std::ostringstream stream_;
};

// Gives both branches of DP_LOG's ?: the type void; & binds after << and before ?:.
struct Voidify {
  void operator&(std::ostream&) const {}
};

}  // namespace log_internal
}  // namespace downpour

#define DP_LOG(severity)                                                 \
  !::downpour::log_internal::IsOn(::downpour::log_internal::k##severity) \
      ? (void)0                                                          \
      : ::downpour::log_internal::Voidify() &                            \
            ::downpour::log_internal::Message(::downpour::log_internal::k##severity, __FILE__, __LINE__).stream()

// Logs at most once in `period` (an absl::Duration) from this place in the code, over all threads, and then says how
// many events were held back since the last time.
#define DP_LOG_EVERY(severity, period)                                                                           \
  for (int64_t dp_log_held_back = ::downpour::log_internal::IsOn(::downpour::log_internal::k##severity)          \
       ? []() -> ::downpour::LogThrottle& {                                                                      \
         static ::downpour::LogThrottle throttle;                                                                \
         return throttle;                                                                                        \
       }()                                                                                                       \
                     .Admit((period), ::downpour::SteadyClock::Get().Now())                                      \
       : ::downpour::LogThrottle::kHold;                                                                         \
       dp_log_held_back != ::downpour::LogThrottle::kHold; dp_log_held_back = ::downpour::LogThrottle::kHold)    \
  ::downpour::log_internal::Message(::downpour::log_internal::k##severity, __FILE__, __LINE__, dp_log_held_back) \
      .stream()

#endif  // DOWNPOUR_COMMON_BASE_LOG_H_
