#ifndef DOWNPOUR_WORKER_TRAIN_JOB_REQUEST_H_
#define DOWNPOUR_WORKER_TRAIN_JOB_REQUEST_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "common/sharding/shard_map.h"
#include "proto/control.pb.h"
#include "worker/client/ps_client.h"
#include "worker/train/job.h"
#include "worker/train/job_data.h"

namespace downpour {

// Batches of an epoch, the last of which may be smaller.
uint64_t BatchesOfEpoch(const LoadedJob& job, uint64_t examples);

// Steps after which the budget ends the run, in epochs or steps, whichever is first; 0: it does not.
uint64_t StepsOf(const LoadedJob& job, uint64_t examples);

// What is judged by: the validation data where there is some, else the test data; null: nothing is, or evaluation is
// off. `split` gets its name.
const ExampleSet* EvaluationSet(const LoadedJob& job, const JobData& data, std::string* split);

// What servers have to know of a job to hold its tables and hand out its work. The fingerprint is a SHA-256 over all
// that members of a job must agree on: everything but where data lies, and what is logged and kept.
absl::StatusOr<wire::CreateJobRequest> MakeJobRequest(const LoadedJob& job, const JobData& data,
                                                      std::span<const ServerId> servers);

// Of a worker of that job. Errors are those of PsClient::Join.
PsClientOptions MakeClientOptions(const LoadedJob& job, const wire::CreateJobRequest& request, uint32_t worker);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_JOB_REQUEST_H_
