// A run as programs follow it: one JSON object a line. docs/run-logs.md describes the fields.
#ifndef DOWNPOUR_WORKER_TRAIN_JSON_LOG_H_
#define DOWNPOUR_WORKER_TRAIN_JSON_LOG_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "worker/train/run_events.h"

namespace downpour {

// Each event is written whole by one write(2), so that a reader sees at most its last line unfinished, and that only
// after a crash. What is not finite is null. An error of writing is logged once, and ends the log but not the run.
class JsonLog : public RunObserver {
 public:
  // Writes to `path` from its beginning: what was there is gone. A pipe or a device will do. Errors say what is in the
  // way: NOT_FOUND where the folder is missing, FAILED_PRECONDITION where `path` is a folder, PERMISSION_DENIED and
  // others as the system has them. `now` tells wall time.
  static absl::StatusOr<std::unique_ptr<JsonLog>> Create(const std::string& path,
                                                         std::function<absl::Time()> now = &absl::Now);
  ~JsonLog() override;

  void Started(const RunStart& start) override;
  void Progressed(const RunProgress& progress) override;
  void Evaluated(const RunEvaluation& evaluation) override;
  void Ended(const RunEnd& end) override;

 private:
  JsonLog(std::string path, int descriptor, std::function<absl::Time()> now)
      : path_(std::move(path)), descriptor_(descriptor), now_(std::move(now)) {}

  void WriteLine(std::string line);

  const std::string path_;
  int descriptor_;  // -1 once writing failed
  const std::function<absl::Time()> now_;
  std::optional<RunEvaluation> last_test_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_JSON_LOG_H_
