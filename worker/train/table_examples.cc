#include "worker/train/table_examples.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/data/batch_maker.h"
#include "worker/train/example_range.h"
#include "worker/train/job_sources.h"
#include "worker/train/model_labels.h"

namespace downpour {
namespace {

class TableExamples final : public ExampleSet {
 public:
  TableExamples(std::shared_ptr<const TableDataset> rows, const RowLayout& layout, const ExampleRange& range,
                bool real_labels)
      : rows_(std::move(rows)), layout_(layout), range_(range), real_labels_(real_labels) {}

  uint64_t size() const override { return range_.size(); }

  absl::Status Make(const BatchRequest& request, HostBatch* batch) const override {
    DP_ASSIGN_OR_RETURN(const BatchRequest shifted, range_.Shift(request));
    static thread_local TableBatch made;
    batch->size = 0;
    DP_RETURN_IF_ERROR(MakeTableBatch(*rows_, shifted, &made));
    const size_t count = request.indices.size(), bytes = count * layout_.width() * sizeof(float);
    if (batch->examples.size() < bytes) {
      DP_ASSIGN_OR_RETURN(batch->examples, AlignedBuffer::Allocate(bytes));
    }
    for (size_t i = 0; i < count; ++i) {
      WriteRow(std::span<const float>(made.dense).subspan(i * layout_.numbers, layout_.numbers),
               std::span<const uint64_t>(made.keys).subspan(i * layout_.categories, layout_.categories),
               batch->examples.Elements<float>().subspan(i * layout_.width(), layout_.width()));
    }
    DP_RETURN_IF_ERROR(WriteLabels(std::span<const float>(made.labels), real_labels_, &batch->labels));
    batch->size = static_cast<int64_t>(count);
    return absl::OkStatus();
  }

 private:
  void WriteRow(std::span<const float> numbers, std::span<const uint64_t> keys, std::span<float> out) const {
    std::fill(std::copy(numbers.begin(), numbers.end(), out.begin()), out.end(), 0.0f);
    if (layout_.places == 0) return;
    for (size_t column = 0; column < keys.size(); ++column) {
      const uint64_t place = Hash64(std::as_bytes(keys.subspan(column, 1))) % layout_.places;
      out[layout_.numbers + column * layout_.places + place] = 1;
    }
  }

  const std::shared_ptr<const TableDataset> rows_;
  const RowLayout layout_;
  const ExampleRange range_;
  const bool real_labels_;
};

// "data.csv.classes" where the job has such a field.
std::string ClassesField(const LoadedJob& job) {
  return job.config.data().has_csv() ? "data.csv.classes" : SourceField(job);
}

}  // namespace

absl::StatusOr<RowLayout> FitRows(const LoadedJob& job, std::string_view what, const TableSchema& schema) {
  DP_RETURN_IF_ERROR(CheckClasses(job, ClassesField(job), what, schema.classes));
  const Graph::Tensor& input = job.graph->inputs()[job.inputs.examples];
  RowLayout layout = {.numbers = schema.dense.size(), .categories = schema.categorical.size()};
  const std::string has =
      absl::StrCat(ToAbsl(what), " has ", layout.numbers, " columns of numbers and ", layout.categories,
                   " of categories, and the model's input \"", input.name, "\" takes ", input.type.shape.ToString());
  const int64_t width = input.type.elements, beyond = width - static_cast<int64_t>(layout.numbers);
  const auto categories = static_cast<int64_t>(layout.categories);
  if (input.type.shape.rank() == 1 && beyond == 0) return layout;
  if (input.type.shape.rank() == 1 && beyond > 0 && categories > 0 && beyond % categories == 0) {
    layout.places = static_cast<size_t>(beyond / categories);
    return layout;
  }
  std::string fits = absl::StrCat(": give it shape: ", layout.numbers, " for the numbers alone");
  if (categories > 0) {
    absl::StrAppend(&fits, ", or ", layout.numbers, " + ", categories,
                    " x N for each category hashed into N places, like ");
    // The nearest widths that fit, or some that are of use.
    const int64_t places = beyond > categories ? beyond / categories : 100;
    absl::StrAppend(&fits, layout.numbers + categories * places, " or ", layout.numbers + categories * (places + 1));
  }
  return job.Wrong(SourceField(job), absl::StrCat(has, fits));
}

absl::Status CheckLabels(const LoadedJob& job, std::string_view what, const TableDataset& rows) {
  if (rows.schema().classes != 0 || !LabelsAreShares(job)) return absl::OkStatus();
  TableDataset::Scratch scratch;
  for (uint64_t row = 0; row < rows.size(); ++row) {
    const float label = rows.Get(row, scratch).label;
    if (label >= 0 && label <= 1) continue;
    return job.Wrong(ClassesField(job), absl::StrCat("the label of row ", row + 1, " of ", ToAbsl(what), " is ", label,
                                                     ", and sigmoid_cross_entropy takes labels from 0 to 1: use "
                                                     "mean_squared_error, or bring the labels into this range"));
  }
  return absl::OkStatus();
}

std::unique_ptr<ExampleSet> MakeTableExamples(const LoadedJob& job, std::shared_ptr<const TableDataset> rows,
                                              const RowLayout& layout, uint64_t begin, uint64_t end) {
  return std::make_unique<TableExamples>(std::move(rows), layout, ExampleRange(begin, end), LabelsAreReal(job));
}

}  // namespace downpour
