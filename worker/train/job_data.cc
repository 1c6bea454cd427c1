#include "worker/train/job_data.h"

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/number_text.h"
#include "common/base/status.h"
#include "worker/train/image_examples.h"
#include "worker/train/job_sources.h"
#include "worker/train/table_examples.h"

namespace downpour {
namespace {

// Training examples that are left for training when those for validation are held back.
absl::StatusOr<uint64_t> TrainingPart(const LoadedJob& job, uint64_t examples) {
  const uint64_t held_back = job.config.data().validation_examples();
  if (held_back < examples) return examples - held_back;
  return job.Wrong("data.validation_examples", absl::StrCat("is ", held_back, ", and there are ", examples,
                                                            " training examples: one at least has to be left"));
}

template <typename Dataset>
void Describe(const JobSource<Dataset>& source, JobData* data) {
  data->notes.insert(data->notes.end(), source.notes.begin(), source.notes.end());
  data->description = absl::StrCat(source.name, ": ", WithThousands(data->train->size()), " to train on");
  if (data->validation != nullptr) {
    absl::StrAppend(&data->description, ", ", WithThousands(data->validation->size()), " to validate by");
  }
  if (data->test != nullptr) {
    absl::StrAppend(&data->description, ", ", WithThousands(data->test->size()), " to test by");
  }
  absl::StrAppend(&data->description, ", ", source.from);
}

absl::StatusOr<JobData> OpenImageData(const LoadedJob& job, const std::string& data_dir) {
  using Mode = ImageBatchMaker::Mode;
  DP_ASSIGN_OR_RETURN(const JobSource<ImageDataset> source, OpenImages(job, data_dir));
  const uint64_t size = source.train->size();
  DP_ASSIGN_OR_RETURN(const uint64_t trained, TrainingPart(job, size));
  DP_ASSIGN_OR_RETURN(const Augmenter augmenter, FitImages(job, source.name, source.train->schema()));
  JobData data;
  DP_ASSIGN_OR_RETURN(data.train, MakeImageExamples(job, source.train, augmenter, Mode::kTrain, 0, trained));
  if (trained < size) {
    DP_ASSIGN_OR_RETURN(data.validation,
                        MakeImageExamples(job, source.train, augmenter, Mode::kEvaluate, trained, size));
  }
  if (source.test != nullptr) {
    // IDX files of a test set may be of another size; then it is they that do not fit.
    DP_ASSIGN_OR_RETURN(const Augmenter of_test, FitImages(job, source.name + " (test)", source.test->schema()));
    DP_ASSIGN_OR_RETURN(data.test,
                        MakeImageExamples(job, source.test, of_test, Mode::kEvaluate, 0, source.test->size()));
  }
  Describe(source, &data);
  return data;
}

absl::StatusOr<JobData> OpenTableData(const LoadedJob& job, const std::string& data_dir) {
  DP_ASSIGN_OR_RETURN(const JobSource<TableDataset> source, OpenTables(job, data_dir));
  const uint64_t size = source.train->size();
  DP_ASSIGN_OR_RETURN(const uint64_t trained, TrainingPart(job, size));
  DP_ASSIGN_OR_RETURN(const RowLayout layout, FitRows(job, source.name, source.train->schema()));
  DP_RETURN_IF_ERROR(CheckLabels(job, source.name, *source.train));
  JobData data;
  data.train = MakeTableExamples(job, source.train, layout, 0, trained);
  if (trained < size) data.validation = MakeTableExamples(job, source.train, layout, trained, size);
  if (source.test != nullptr) {
    DP_RETURN_IF_ERROR(CheckLabels(job, source.name + " (test)", *source.test));
    data.test = MakeTableExamples(job, source.test, layout, 0, source.test->size());
  }
  if (layout.categories > 0 && layout.places == 0) {
    data.notes.push_back(absl::StrCat("the ", layout.categories,
                                      " columns of categories are not used: the model takes ", layout.numbers,
                                      " numbers, as many as there are columns of numbers"));
  }
  Describe(source, &data);
  return data;
}

}  // namespace

absl::StatusOr<JobData> OpenJobData(const LoadedJob& job, const std::string& data_dir) {
  return HasImages(job) ? OpenImageData(job, data_dir) : OpenTableData(job, data_dir);
}

}  // namespace downpour
