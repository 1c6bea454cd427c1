// A run as TensorBoard shows it. docs/run-logs.md lists the tags.
#ifndef DOWNPOUR_WORKER_TRAIN_TENSORBOARD_LOG_H_
#define DOWNPOUR_WORKER_TRAIN_TENSORBOARD_LOG_H_

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/telemetry/event_file.h"
#include "worker/train/run_events.h"

namespace downpour {

// One event file in a folder: the folder is the run as TensorBoard counts runs, and its name is what TensorBoard calls
// it. A run that goes on, or another one, adds a file of its own to the same folder. Each event is in the file when the
// call returns. What has no value (NaN) has no point. An error of writing is logged once, and ends the log but not the
// run.
class TensorBoardLog : public RunObserver {
 public:
  // Makes the folder where it is missing. Errors name it. `now` tells wall time.
  static absl::StatusOr<std::unique_ptr<TensorBoardLog>> Create(const std::string& folder,
                                                                std::function<absl::Time()> now = &absl::Now);

  void Progressed(const RunProgress& progress) override;
  void Evaluated(const RunEvaluation& evaluation) override;
  void Histograms(uint64_t step, std::span<const RunTensor> tensors) override;
  void Ended(const RunEnd& end) override;

  const std::string& file_name() const { return file_->name(); }

 private:
  TensorBoardLog(std::unique_ptr<EventFile> file, std::function<absl::Time()> now)
      : file_(std::move(file)), now_(std::move(now)) {}

  void Add(uint64_t step, const std::string& tag, double value);
  void Flush();

  const std::unique_ptr<EventFile> file_;
  const std::function<absl::Time()> now_;
  bool failed_ = false;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_TENSORBOARD_LOG_H_
