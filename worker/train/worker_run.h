// The part of one process in a run: its replicas, each on a thread and as a worker of its own.
#ifndef DOWNPOUR_WORKER_TRAIN_WORKER_RUN_H_
#define DOWNPOUR_WORKER_TRAIN_WORKER_RUN_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/client/ps_client.h"
#include "worker/train/job.h"
#include "worker/train/job_data.h"
#include "worker/train/run_board.h"
#include "worker/train/run_events.h"

namespace downpour {

using LoadDescriber = std::function<void(wire::WorkerLoad*)>;

struct WorkerRunOptions {
  // These outlive the run.
  const LoadedJob* job = nullptr;
  const JobData* data = nullptr;
  std::vector<RunObserver*> observers;
  const std::atomic<bool>* stop = nullptr;  // true: finish the steps that are under way, and leave

  // One replica each, or towers of one replica, as the job has it. At least one.
  std::vector<std::string> devices;
  // In a cluster: the number of this task; replica i is the worker WorkerNumber(task, i). Without: worker i.
  std::optional<uint32_t> task;
  // Joins the job as that worker, which tells by `describe_load` how it fares (PsClientOptions). Any thread.
  std::function<absl::StatusOr<std::unique_ptr<PsClient>>(uint32_t worker, LoadDescriber describe_load)> join;
  RunBoard* board = nullptr;  // shows how the run goes while it goes on; may be null
  bool carrier_is_inline = false;
  std::string carrier;  // for those who watch
  uint32_t servers = 1;
  bool histograms = false;
};

// Runs until the run is over, a replica fails (then all stop), or it is stopped. Observers hear of everything; gives
// what they heard last.
RunEnd RunWorker(const WorkerRunOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_WORKER_RUN_H_
