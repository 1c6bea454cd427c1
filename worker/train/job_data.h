// The examples of a job, whatever their source, as a program takes them.
#ifndef DOWNPOUR_WORKER_TRAIN_JOB_DATA_H_
#define DOWNPOUR_WORKER_TRAIN_JOB_DATA_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tensor/aligned_buffer.h"
#include "worker/data/batch_maker.h"
#include "worker/train/job.h"

namespace downpour {

// The examples of a step, side by side in the host's memory. Memory that was once big enough is kept.
struct HostBatch {
  int64_t size = 0;        // examples
  AlignedBuffer examples;  // float32: size x elements of the model's input of examples
  AlignedBuffer labels;    // size numbers, int32 or float32 as the model's input of labels is
};

// A split of a data set. Const and safe from any number of threads, on batches of their own.
class ExampleSet {
 public:
  virtual ~ExampleSet() = default;

  virtual uint64_t size() const = 0;  // at least 1

  // OUT_OF_RANGE if an index is not below size(); RESOURCE_EXHAUSTED if there is no memory; errors of the data.
  virtual absl::Status Make(const BatchRequest& request, HostBatch* batch) const = 0;
};

struct JobData {
  std::unique_ptr<ExampleSet> train;       // augmented, without those that are held back for validation
  std::unique_ptr<ExampleSet> validation;  // null where the job holds none back
  std::unique_ptr<ExampleSet> test;        // null where there is no test data
  std::string description;                 // "fashion-mnist: 60,000 to train on, 10,000 to test by, from /..."
  std::vector<std::string> notes;          // what a person should know: synthetic images in place of missing files
};

// Opens what the job names. `data_dir` is that of the command line: where it is given it goes before the job's and the
// environment's. INVALID_ARGUMENT, with the place of the job's field, where the data does not fit the model; NOT_FOUND
// says where was looked and how to get the files.
absl::StatusOr<JobData> OpenJobData(const LoadedJob& job, const std::string& data_dir);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_JOB_DATA_H_
