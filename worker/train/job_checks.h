#ifndef DOWNPOUR_WORKER_TRAIN_JOB_CHECKS_H_
#define DOWNPOUR_WORKER_TRAIN_JOB_CHECKS_H_

#include "absl/status/status.h"
#include "worker/train/job.h"

namespace downpour {

// Every field but those of the model, the optimizer and the policy: that it may have its value, and that they go
// together. The defaults are filled in.
absl::Status CheckJob(const LoadedJob& job);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_JOB_CHECKS_H_
