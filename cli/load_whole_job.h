#ifndef DOWNPOUR_CLI_LOAD_WHOLE_JOB_H_
#define DOWNPOUR_CLI_LOAD_WHOLE_JOB_H_

#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "worker/train/job.h"

namespace downpour {

// LoadJob, and what the servers of the job would refuse is refused too, with the same places in its errors. `file` may
// also be the name of a shipped job (deploy/jobs), "quickstart", which is known wherever the program is installed;
// NOT_FOUND lists those.
absl::StatusOr<LoadedJob> LoadWholeJob(const std::string& file, std::span<const std::string> overrides);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LOAD_WHOLE_JOB_H_
