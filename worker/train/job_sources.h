// Opening what a job trains on, before anything is known of its model.
#ifndef DOWNPOUR_WORKER_TRAIN_JOB_SOURCES_H_
#define DOWNPOUR_WORKER_TRAIN_JOB_SOURCES_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"
#include "worker/train/job.h"

namespace downpour {

template <typename Dataset>
struct JobSource {
  std::shared_ptr<const Dataset> train = {};
  std::shared_ptr<const Dataset> test = {};  // null where there is none
  std::string name = {};                     // "fashion-mnist", as a person reads it
  std::string from = {};                     // "from /usr/share/datasets/fashion-mnist", "made from seed 1"
  std::vector<std::string> notes = {};
};

// The field that names the source: "data.fashion_mnist".
std::string SourceField(const LoadedJob& job);

// Whether it is a source of images; otherwise it is one of tables.
bool HasImages(const LoadedJob& job);

// See OpenJobData; REQUIRES what HasImages says.
absl::StatusOr<JobSource<ImageDataset>> OpenImages(const LoadedJob& job, const std::string& data_dir);
absl::StatusOr<JobSource<TableDataset>> OpenTables(const LoadedJob& job, const std::string& data_dir);

// The data folder that a person has named: `data_dir` or else the job's, which is relative to the folder of the job's
// file. Empty where there is none.
std::string NamedDataFolder(const LoadedJob& job, const std::string& data_dir);

// Where a file is that the job's `field` names: relative names are looked for in the data folder, which is the one that
// was named or else DOWNPOUR_DATA, and then in the folder of the job's file. NOT_FOUND, with the place of the field,
// says where was looked.
absl::StatusOr<std::string> FindJobFile(const LoadedJob& job, std::string_view field, const std::string& name,
                                        const std::string& data_dir);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_JOB_SOURCES_H_
