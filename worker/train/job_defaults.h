#ifndef DOWNPOUR_WORKER_TRAIN_JOB_DEFAULTS_H_
#define DOWNPOUR_WORKER_TRAIN_JOB_DEFAULTS_H_

#include <string_view>

#include "proto/job.pb.h"

namespace downpour {

// Fills in what a job leaves out, as proto/job.proto says. `file` is that of the job.
void FillInDefaults(std::string_view file, JobConfig* config);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_JOB_DEFAULTS_H_
