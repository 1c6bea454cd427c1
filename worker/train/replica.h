#ifndef DOWNPOUR_WORKER_TRAIN_REPLICA_H_
#define DOWNPOUR_WORKER_TRAIN_REPLICA_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "worker/client/ps_client.h"
#include "worker/train/batch_stream.h"
#include "worker/train/exchange.h"
#include "worker/train/job.h"
#include "worker/train/job_data.h"
#include "worker/train/network.h"
#include "worker/train/run_monitor.h"

namespace downpour {

struct ReplicaOptions {
  // All of these outlive the replica.
  const LoadedJob* job = nullptr;
  const JobData* data = nullptr;
  RunMonitor* monitor = nullptr;
  const std::atomic<bool>* stop = nullptr;  // true: finish the step, and leave

  size_t index = 0;     // at the monitor
  uint32_t worker = 0;  // the number of the task
  std::vector<std::string> devices;
  // Joins the job as this worker, which may have left before.
  std::function<absl::StatusOr<std::unique_ptr<PsClient>>()> join;
  bool carrier_is_inline = false;
};

// One copy of the model that takes part in a run: asks for work, trains and evaluates as it is told, and leaves when
// the run is over, when there is nothing to do for now (it comes back), or when it is to stop. One thread.
class Replica {
 public:
  explicit Replica(const ReplicaOptions& options);

  // Gives why the run ended, as the coordinator says it; empty where it was stopped. Errors say at which step.
  absl::StatusOr<std::string> Run();

 private:
  using Work = wire::TakeWorkResponse;

  absl::Status SetUp();
  // Until there is nothing to do for now, or no more: whichever that is.
  absl::StatusOr<Work> TakePart();
  // Trains until there is other work than training; nothing: it is to stop, or its leases are lost.
  absl::StatusOr<std::optional<Work>> Train();
  absl::Status Step(const StreamBatch& batch);
  absl::Status Evaluate(const Work::Evaluation& evaluation);
  absl::StatusOr<BatchLoss> Judge(const ExampleSet& examples);
  // Whether to go on with what was leased.
  absl::StatusOr<bool> Report(const StreamBatch& batch);
  absl::StatusOr<std::optional<DataSlice>> TakeSlice();
  // No more is taken for the present stream.
  void EndStream();
  // What a step that went wrong is told as.
  absl::Status Explain(const absl::Status& status, const StreamBatch& batch, uint64_t step);
  void Histograms();
  uint64_t StepNumber(const StreamBatch& batch);
  bool Stopped() const { return options_.stop->load(std::memory_order_relaxed); }
  void Sleep(absl::Duration time) const;
  ReplicaState State() const;

  const ReplicaOptions options_;
  const JobConfig& config_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<PsClient> client_;
  std::unique_ptr<Exchange> exchange_;
  ReplicaState state_;  // without what the present exchange has to add
  absl::Duration last_report_;

  // Between the stream's threads and this one.
  Mutex mutex_;
  CondVar changed_;
  std::map<uint64_t, DataSlice> slices_ DP_GUARDED_BY(mutex_);  // leased and not finished, by lease
  bool streaming_ DP_GUARDED_BY(mutex_) = false;                // batches of the stream are still wanted
  std::optional<Work> other_work_ DP_GUARDED_BY(mutex_);        // that ended the stream
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_REPLICA_H_
