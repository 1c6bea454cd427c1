#include "worker/train/run_outputs.h"

#include <cstdio>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status.h"

namespace downpour {

absl::StatusOr<RunOutputs> RunOutputs::Create(const Options& options) {
  RunOutputs outputs;
  outputs.view_ = std::make_unique<ProgressView>(SteadyClock::Get(), ProgressOutput::Of(stdout));
  if (!options.json_log.empty()) {
    absl::StatusOr<std::unique_ptr<JsonLog>> log = JsonLog::Create(options.json_log);
    if (!log.ok()) return Annotate(log.status(), "--json_log");
    outputs.json_ = *std::move(log);
  }
  if (!options.log_dir.empty()) {
    absl::StatusOr<std::unique_ptr<TensorBoardLog>> log = TensorBoardLog::Create(options.log_dir);
    if (!log.ok()) return Annotate(log.status(), "--log_dir");
    outputs.tensorboard_ = *std::move(log);
  }
  return outputs;
}

std::vector<RunObserver*> RunOutputs::observers() const {
  std::vector<RunObserver*> all = {view_.get()};
  if (json_ != nullptr) all.push_back(json_.get());
  if (tensorboard_ != nullptr) all.push_back(tensorboard_.get());
  return all;
}

}  // namespace downpour
