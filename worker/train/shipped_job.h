#ifndef DOWNPOUR_WORKER_TRAIN_SHIPPED_JOB_H_
#define DOWNPOUR_WORKER_TRAIN_SHIPPED_JOB_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "worker/train/job.h"

namespace downpour {

// LoadJob; `file` may also be the name of a shipped job (deploy/jobs), "quickstart", which is known wherever the
// program is installed. NOT_FOUND lists those.
absl::StatusOr<LoadedJob> LoadJobOrShipped(const std::string& file, std::span<const std::string> overrides);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_SHIPPED_JOB_H_
