#include "worker/train/shipped_job.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"
#include "common/config/text_config.h"
#include "deploy/jobs/shipped_jobs.h"
#include "deploy/models/shipped_models.h"

namespace downpour {
namespace {

// The text of the shipped job or model that has the name of `file`, if there is one.
template <typename Texts>
absl::StatusOr<std::string> ShippedText(const Texts& texts, const std::string& file) {
  const std::string name = std::filesystem::path(file).stem();
  for (const auto& shipped : texts) {
    if (shipped.name == name) return std::string(shipped.text);
  }
  return absl::NotFoundError(absl::StrCat(file, ": nothing is shipped under this name"));
}

bool IsShippedJob(std::string_view name) {
  return std::ranges::any_of(ShippedJobs(), [&](const ShippedJob& job) { return job.name == name; });
}

// Reads the shipped job `name`, as if its file and the folder of the models were here.
absl::StatusOr<LoadedJob> LoadShippedJob(const std::string& name, std::span<const std::string> overrides) {
  const std::string job = name + ".textproto";
  return LoadJob(job, overrides, [&](const std::string& file) -> absl::StatusOr<std::string> {
    if (file == job) return ShippedText(ShippedJobs(), file);
    if (file.starts_with("../models/")) return ShippedText(ShippedModels(), file);
    return ReadConfigFile(file);  // an override names it
  });
}

}  // namespace

absl::StatusOr<LoadedJob> LoadJobOrShipped(const std::string& file, std::span<const std::string> overrides) {
  if (IsShippedJob(file)) return LoadShippedJob(file, overrides);
  absl::StatusOr<LoadedJob> job = LoadJob(file, overrides);
  std::error_code ignored;
  if (!absl::IsNotFound(job.status()) || std::filesystem::exists(file, ignored)) return job;
  std::string names;
  for (const ShippedJob& shipped : ShippedJobs()) absl::StrAppend(&names, " ", ToAbsl(shipped.name));
  return absl::NotFoundError(absl::StrCat("\"", file, "\" is neither a file nor a shipped job. Those are:", names));
}

}  // namespace downpour
