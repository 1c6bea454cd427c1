#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/data/csv.h"
#include "worker/data/synthetic_table.h"
#include "worker/train/job_sources.h"

namespace downpour {
namespace {

using Source = JobSource<TableDataset>;

absl::StatusOr<Source> OpenSynthetic(const LoadedJob& job) {
  const DataConfig::SyntheticTable& config = job.config.data().synthetic_table();
  Source source = {.name = "synthetic table", .from = absl::StrCat("made from seed ", config.seed())};
  for (const Split split : {Split::kTrain, Split::kTest}) {
    absl::StatusOr<std::unique_ptr<TableDataset>> made =
        MakeSyntheticTable({.dense = static_cast<int>(config.dense()),
                            .categorical = static_cast<int>(config.categorical()),
                            .categories = config.categories(),
                            .examples = split == Split::kTrain ? config.train_examples() : config.test_examples(),
                            .seed = config.seed(),
                            .noise = static_cast<float>(config.noise())},
                           split);
    if (!made.ok()) return job.origins.Annotate(made.status(), SourceField(job));
    (split == Split::kTrain ? source.train : source.test) = *std::move(made);
  }
  return source;
}

absl::StatusOr<CsvSchema> SchemaOf(const LoadedJob& job) {
  constexpr uint32_t kClassesMax = 1 << 20;
  const DataConfig::Csv& config = job.config.data().csv();
  if (config.classes() > kClassesMax) {
    return job.Wrong("data.csv.classes", absl::StrCat("is ", config.classes(), "; it must be at most ", kClassesMax));
  }
  CsvSchema schema = {.dense = {config.dense().begin(), config.dense().end()},
                      .categorical = {config.categorical().begin(), config.categorical().end()},
                      .label = config.label(),
                      .classes = static_cast<int>(config.classes()),
                      .delimiter = config.delimiter()[0],
                      .header = !config.without_header()};
  if (config.has_empty()) schema.empty_dense = static_cast<float>(config.empty());
  if (config.on_error() == DataConfig::Csv::SKIP) schema.on_error = CsvSchema::OnError::kSkip;
  return schema;
}

absl::StatusOr<Source> OpenCsv(const LoadedJob& job, const std::string& data_dir) {
  const DataConfig::Csv& config = job.config.data().csv();
  DP_ASSIGN_OR_RETURN(const CsvSchema schema, SchemaOf(job));
  Source source;
  const auto open = [&](const char* field, const std::string& name) -> absl::StatusOr<std::shared_ptr<TableDataset>> {
    DP_ASSIGN_OR_RETURN(const std::string path, FindJobFile(job, field, name, data_dir));
    absl::StatusOr<CsvTable> loaded = LoadCsv(path, schema);
    // What is wrong with the file has its line in front, what is wrong with the schema that of the job.
    if (absl::IsInvalidArgument(loaded.status())) return job.origins.Annotate(loaded.status(), "data.csv");
    DP_RETURN_IF_ERROR(loaded.status());
    if (loaded->skipped > 0) {
      source.notes.push_back(absl::StrCat(path, ": ", loaded->skipped, loaded->skipped == 1 ? " row is" : " rows are",
                                          " left out as bad; the first: ", loaded->first_skipped));
    }
    if (source.from.empty()) source.from = absl::StrCat("from ", path);
    return std::move(loaded->table);
  };
  source.name = config.train_file();
  DP_ASSIGN_OR_RETURN(source.train, open("data.csv.train_file", config.train_file()));
  if (!config.test_file().empty()) {
    DP_ASSIGN_OR_RETURN(source.test, open("data.csv.test_file", config.test_file()));
  }
  return source;
}

}  // namespace

absl::StatusOr<JobSource<TableDataset>> OpenTables(const LoadedJob& job, const std::string& data_dir) {
  return job.config.data().has_csv() ? OpenCsv(job, data_dir) : OpenSynthetic(job);
}

}  // namespace downpour
