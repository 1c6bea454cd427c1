// The log, for tests to look at.
#ifndef DOWNPOUR_COMMON_BASE_LOG_CAPTURE_H_
#define DOWNPOUR_COMMON_BASE_LOG_CAPTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/mutex.h"

namespace downpour {

// Keeps what is logged from its making to its end, instead of stderr; any thread may log meanwhile. One at a time, or
// nested; made and ended in main or a test, not by threads that race.
class LogCapture {
 public:
  LogCapture() : lines_(std::make_shared<Lines>()), before_(SetLogSink(lines_)) {}
  ~LogCapture() { SetLogSink(before_); }
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  // "SEVERITY message" of each event so far, in order.
  std::vector<std::string> lines() const { return lines_->Get(); }

 private:
  class Lines final : public LogSink {
   public:
    void Write(const LogEntry& entry) override {
      MutexLock lock(&mutex_);
      lines_.push_back(std::string(LogSeverityName(entry.severity)) + " " + std::string(entry.message));
    }

    std::vector<std::string> Get() {
      MutexLock lock(&mutex_);
      return lines_;
    }

   private:
    Mutex mutex_;
    std::vector<std::string> lines_ DP_GUARDED_BY(mutex_);
  };

  const std::shared_ptr<Lines> lines_;
  const std::shared_ptr<LogSink> before_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_LOG_CAPTURE_H_
