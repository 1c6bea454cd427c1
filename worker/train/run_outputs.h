#ifndef DOWNPOUR_WORKER_TRAIN_RUN_OUTPUTS_H_
#define DOWNPOUR_WORKER_TRAIN_RUN_OUTPUTS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/train/json_log.h"
#include "worker/train/progress_view.h"
#include "worker/train/run_events.h"
#include "worker/train/tensorboard_log.h"

namespace downpour {

// Where a program shows and keeps its run, by its flags: the view on stdout, --json_log, --log_dir.
class RunOutputs {
 public:
  struct Options {
    std::string json_log = {};  // a file; empty: none
    std::string log_dir = {};   // for TensorBoard's event files; empty: none
  };

  // Errors name the flag.
  static absl::StatusOr<RunOutputs> Create(const Options& options);

  // They hold as long as this.
  std::vector<RunObserver*> observers() const;
  bool wants_histograms() const { return tensorboard_ != nullptr; }

 private:
  RunOutputs() = default;

  std::unique_ptr<ProgressView> view_;
  std::unique_ptr<JsonLog> json_;
  std::unique_ptr<TensorBoardLog> tensorboard_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_RUN_OUTPUTS_H_
