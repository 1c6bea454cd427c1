#include "worker/train/job.h"

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/train/job_checks.h"
#include "worker/train/job_defaults.h"

namespace downpour {
namespace {

constexpr char kLabels[] = "labels";

// Puts the model of `model_file` into the job.
absl::Status ReadModel(const ConfigFileReader& read, LoadedJob* job) {
  std::string file = job->config.model_file();
  if (file.empty()) return job->Wrong("model_file", "is empty");
  if (std::filesystem::path(file).is_relative()) file = std::filesystem::path(job->file).parent_path() / file;
  absl::StatusOr<std::string> text = read(file);
  if (!text.ok()) return job->origins.Annotate(text.status(), "model_file");
  ConfigOrigins origins;
  DP_RETURN_IF_ERROR(ParseConfig(*text, file, job->config.mutable_model(), &origins));
  job->origins.Graft("model", origins);
  return absl::OkStatus();
}

absl::Status FindInputs(LoadedJob* job) {
  const std::span<const Graph::Tensor> inputs = job->graph->inputs();
  const std::optional<TensorId> labels = job->graph->FindTensor(kLabels);
  if (inputs.size() != 2 || !labels || *labels >= 2) {
    return job->Wrong("model", absl::StrCat("a model that a job trains has two inputs, one of them called \"", kLabels,
                                            "\"; this one has ", inputs.size()));
  }
  job->inputs = {.examples = 1 - *labels, .labels = *labels};
  if (inputs[job->inputs.examples].type.element_type != ElementType::kReal) {
    return job->Wrong("model", absl::StrCat("input ", inputs[job->inputs.examples].name, " has to be FLOAT32"));
  }
  if (inputs[*labels].type.elements != 1) {
    return job->Wrong("model", absl::StrCat("input ", kLabels, " has to be one number for each example, not ",
                                            inputs[*labels].type.shape.ToString()));
  }
  if (job->graph->losses().empty()) return job->Wrong("model", "it has no loss, so there is nothing to train it by");
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadedJob::Wrong(std::string_view field, std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(origins.Describe(field), ": ", ToAbsl(what)));
}

absl::StatusOr<LoadedJob> LoadJob(const std::string& file, std::span<const std::string> overrides,
                                  const ConfigFileReader& read) {
  LoadedJob job;
  job.file = file;
  DP_ASSIGN_OR_RETURN(const std::string text, read(file));
  DP_RETURN_IF_ERROR(ParseConfig(text, file, &job.config, &job.origins));
  // The model is there before the overrides, so that they can change it; unless they name another file.
  std::vector<std::string> of_model;
  for (const std::string& assignment : overrides) {
    if (assignment.starts_with("model.")) {
      of_model.push_back(assignment);
    } else {
      DP_RETURN_IF_ERROR(OverrideConfig(assignment, &job.config, &job.origins));
    }
  }
  if (job.config.model_source_case() == JobConfig::kModelFile) DP_RETURN_IF_ERROR(ReadModel(read, &job));
  if (job.config.model_source_case() == JobConfig::MODEL_SOURCE_NOT_SET) {
    return job.Wrong("model_file", "a job needs a model: give model_file or model");
  }
  for (const std::string& assignment : of_model) {
    DP_RETURN_IF_ERROR(OverrideConfig(assignment, &job.config, &job.origins));
  }
  FillInDefaults(file, &job.config);
  DP_ASSIGN_OR_RETURN(Graph graph, Graph::FromConfig(job.config.model(), job.origins, "model"));
  job.graph = std::make_shared<const Graph>(std::move(graph));
  DP_RETURN_IF_ERROR(FindInputs(&job));
  DP_RETURN_IF_ERROR(CheckJob(job));
  return job;
}

}  // namespace downpour
