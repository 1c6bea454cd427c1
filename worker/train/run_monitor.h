#ifndef DOWNPOUR_WORKER_TRAIN_RUN_MONITOR_H_
#define DOWNPOUR_WORKER_TRAIN_RUN_MONITOR_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "proto/status.pb.h"
#include "proto/worker_load.pb.h"
#include "worker/train/exchange.h"
#include "worker/train/network.h"
#include "worker/train/recent_pace.h"
#include "worker/train/run_events.h"

namespace downpour {

// Where a replica stands after a step; times and the record are since it began.
struct ReplicaState {
  uint64_t steps = 0;
  uint64_t examples = 0;
  PhaseTimes phases;
  PushRecord record;
};

// Adds up what the replicas of this process do, and tells it to those who show or keep it. Thread-safe; observers are
// called under its lock, one at a time.
class RunMonitor {
 public:
  struct Options {
    uint64_t batches_of_epoch = 1;
    uint64_t log_every_steps = 50;
    uint64_t histograms_every_steps = 0;  // 0: never
    bool has_accuracy = true;
    bool alone = true;  // there are no workers but this process's replicas
    const Clock* clock = &SteadyClock::Get();
  };

  // Observers outlive the monitor.
  RunMonitor(const Options& options, std::vector<RunObserver*> observers, size_t replicas);

  void Start(const RunStart& start);

  // A replica has made a step. True: this is the step of which histograms are wanted, by Histograms.
  bool StepDone(size_t replica, const BatchLoss& loss, const ReplicaState& state);
  void Histograms(std::span<const RunTensor> tensors);

  // The coordinator has answered a report of a replica: the steps that the replica has reported by now, those of all
  // workers, and the learning rate.
  void Reported(size_t replica, uint64_t own_steps, uint64_t all_steps, double learning_rate);

  // How a replica fares: everything of proto/worker_load.proto but its links, of which `load` may have some; they are
  // kept for Loads.
  void DescribeLoad(size_t replica, wire::WorkerLoad* load);
  // The same of all replicas.
  std::vector<wire::WorkerLoad> Loads();

  // What the whole run has come to, as far as this process knows.
  void DescribeRun(wire::RunStatus* run);

  // `evaluation` without epoch, seconds.
  void Evaluated(size_t replica, RunEvaluation evaluation, const ReplicaState& state);
  void Note(std::string_view text);

  // Of a replica when it ends; its device.
  void ReplicaEnded(size_t replica, uint32_t worker, std::string device, const ReplicaState& state);

  // Tells the observers that the run is over, and gives what they were told.
  RunEnd End(const absl::Status& status, std::string reason, bool interrupted);

 private:
  double SecondsSinceStart() const DP_REQUIRES(mutex_);
  double EpochOf(uint64_t step) const {
    return static_cast<double>(step) / static_cast<double>(options_.batches_of_epoch);
  }
  void TellProgress() DP_REQUIRES(mutex_);
  // Sums over all replicas.
  PushRecord Pushes() const DP_REQUIRES(mutex_);

  // Steps of the whole run.
  uint64_t GlobalStep() const DP_REQUIRES(mutex_) { return steps_ + steps_of_others_; }
  void Describe(size_t replica, wire::WorkerLoad* load) DP_REQUIRES(mutex_);

  const Options options_;
  const std::vector<RunObserver*> observers_;

  Mutex mutex_;
  absl::Duration start_ DP_GUARDED_BY(mutex_);
  uint64_t steps_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t steps_of_others_ DP_GUARDED_BY(mutex_) = 0;  // when a report was last answered
  std::vector<uint64_t> reported_ DP_GUARDED_BY(mutex_);
  RunStart started_ DP_GUARDED_BY(mutex_);
  std::vector<RecentPace> paces_ DP_GUARDED_BY(mutex_);
  std::vector<wire::WorkerLoad> links_ DP_GUARDED_BY(mutex_);  // nothing but those
  uint64_t examples_ DP_GUARDED_BY(mutex_) = 0;
  double learning_rate_ DP_GUARDED_BY(mutex_) = 0;
  std::vector<ReplicaState> states_ DP_GUARDED_BY(mutex_);
  std::vector<ReplicaShare> shares_ DP_GUARDED_BY(mutex_);
  std::optional<RunEvaluation> last_ DP_GUARDED_BY(mutex_);
  std::optional<RunEvaluation> best_ DP_GUARDED_BY(mutex_);

  // ---- Since the last progress
  uint64_t told_step_ DP_GUARDED_BY(mutex_) = 0;
  double told_at_ DP_GUARDED_BY(mutex_) = 0;
  double loss_sum_ DP_GUARDED_BY(mutex_) = 0;
  double correct_sum_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t recent_examples_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t told_applied_ DP_GUARDED_BY(mutex_) = 0;
  uint64_t told_staleness_ DP_GUARDED_BY(mutex_) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_RUN_MONITOR_H_
