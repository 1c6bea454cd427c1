// A job as its file says it (proto/job.proto), checked and with every default filled in.
#ifndef DOWNPOUR_WORKER_TRAIN_JOB_H_
#define DOWNPOUR_WORKER_TRAIN_JOB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/config/text_config.h"
#include "proto/job.pb.h"
#include "worker/models/graph.h"

namespace downpour {

// What a model is fed with, by the place of its inputs in Graph::inputs(): examples, and what is to be learnt of them.
// A model that a job trains has an input called "labels" and one other.
struct ModelInputs {
  size_t examples = 0;
  size_t labels = 0;
};

// Immutable; copied freely.
struct LoadedJob {
  std::string file;  // as it was named
  JobConfig config;  // every default filled in; the model is in it
  ConfigOrigins origins;
  std::shared_ptr<const Graph> graph;
  ModelInputs inputs;

  // INVALID_ARGUMENT that begins with the place of the field: "job.textproto:12:3: budget.epochs: ...".
  absl::Status Wrong(std::string_view field, std::string_view what) const;
};

// Reads a file of a job: the job's own or its model's.
using ConfigFileReader = std::function<absl::StatusOr<std::string>(const std::string& file)>;

// Reads the file and the model's, applies `--set` overrides in their order, and checks everything that can be checked
// without opening data. Errors name file, line and field, and say what is allowed. What servers have to accept, the
// optimizer and the policy, is for them to check.
absl::StatusOr<LoadedJob> LoadJob(const std::string& file, std::span<const std::string> overrides,
                                  const ConfigFileReader& read = ReadConfigFile);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_JOB_H_
