#ifndef DOWNPOUR_WORKER_TRAIN_LOCAL_STEP_H_
#define DOWNPOUR_WORKER_TRAIN_LOCAL_STEP_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "common/schedule/schedule.h"
#include "kernels/update.h"
#include "proto/job.pb.h"
#include "worker/train/network.h"

namespace downpour {

// Steps of a replica on its own weights: SGD, with momentum if wanted, in a schedule by steps of its own (or from where
// it is told to be), with the multipliers and decays of the model's parameters. Statistics move as they move on
// servers. One thread.
class LocalStep {
 public:
  // `schedule`: for a config that has none. INVALID_ARGUMENT for one that makes no sense.
  static absl::StatusOr<std::unique_ptr<LocalStep>> Create(const LocalOptimizer& config, const ScheduleConfig& schedule,
                                                           const Network& network);

  // Turns the network's last gradients into weights.
  void Apply(Network* network);

  // The next step is this one of the schedule.
  void GoTo(uint64_t step) { step_ = step; }

 private:
  LocalStep(const LocalOptimizer& config, Schedule schedule) : config_(config), schedule_(std::move(schedule)) {}

  UpdateScalars ScalarsOf(const ParameterSpec& parameter) const;

  const LocalOptimizer config_;
  const Schedule schedule_;
  uint64_t step_ = 0;
  std::vector<std::vector<float>> velocity_;  // by parameter; empty without momentum and for statistics
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_LOCAL_STEP_H_
