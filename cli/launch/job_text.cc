#include "cli/launch/job_text.h"

#include <filesystem>

#include "google/protobuf/text_format.h"

namespace downpour {
namespace {

// What is beside the job's file is found from elsewhere, too.
void FixFile(const std::filesystem::path& folder, std::string* file) {
  std::error_code ignored;
  const std::filesystem::path path(*file);
  if (file->empty() || path.is_absolute() || !std::filesystem::exists(folder / path, ignored)) return;
  *file = folder / path;
}

}  // namespace

std::string MakeJobText(const LoadedJob& job, const std::string& data_dir) {
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::absolute(job.file, ignored).parent_path();
  JobConfig config = job.config;
  DataConfig* const data = config.mutable_data();
  if (!data->data_dir().empty() && std::filesystem::path(data->data_dir()).is_relative()) {
    data->set_data_dir((folder / data->data_dir()).lexically_normal());
  }
  if (data_dir.empty() && data->has_idx()) {
    DataConfig::Idx* const idx = data->mutable_idx();
    for (std::string* file : {idx->mutable_train_images(), idx->mutable_train_labels(), idx->mutable_test_images(),
                              idx->mutable_test_labels()}) {
      FixFile(folder, file);
    }
  }
  if (data_dir.empty() && data->has_csv()) {
    FixFile(folder, data->mutable_csv()->mutable_train_file());
    FixFile(folder, data->mutable_csv()->mutable_test_file());
  }
  std::string text;
  google::protobuf::TextFormat::PrintToString(config, &text);
  return text;
}

}  // namespace downpour
