#include "worker/train/job_sources.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/string_view.h"
#include "worker/data/find_data.h"

namespace downpour {

std::string SourceField(const LoadedJob& job) {
  const DataConfig& data = job.config.data();
  return absl::StrCat("data.", data.GetDescriptor()->FindFieldByNumber(data.source_case())->name());
}

bool HasImages(const LoadedJob& job) {
  const DataConfig& data = job.config.data();
  return !data.has_csv() && !data.has_synthetic_table();
}

std::string NamedDataFolder(const LoadedJob& job, const std::string& data_dir) {
  if (!data_dir.empty()) return data_dir;
  const std::string& of_job = job.config.data().data_dir();
  return of_job.empty() ? "" : (std::filesystem::path(job.file).parent_path() / of_job).string();
}

absl::StatusOr<std::string> FindJobFile(const LoadedJob& job, std::string_view field, const std::string& name,
                                        const std::string& data_dir) {
  namespace fs = std::filesystem;
  std::vector<std::string> candidates;
  if (fs::path(name).is_absolute()) {
    candidates = {name};
  } else {
    std::string folder = NamedDataFolder(job, data_dir);
    if (folder.empty()) folder = DataPlaces::Of().environment;
    if (!folder.empty()) candidates.push_back((fs::path(folder) / name).string());
    candidates.push_back((fs::path(job.file).parent_path() / name).string());
  }
  for (const std::string& candidate : candidates) {
    std::error_code ignored;  // what is there but cannot be read is for the reader to complain about
    if (fs::exists(fs::symlink_status(candidate, ignored))) return candidate;
  }
  return absl::NotFoundError(
      absl::StrCat(job.origins.Describe(field), ": there is no ", absl::StrJoin(candidates, " and no "),
                   ". Relative names are looked for in the data folder (--data_dir, data.data_dir "
                   "or DOWNPOUR_DATA) and in the folder of the job's file"));
}

}  // namespace downpour
