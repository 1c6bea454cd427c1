// Rows of tables as a model takes them.
#ifndef DOWNPOUR_WORKER_TRAIN_TABLE_EXAMPLES_H_
#define DOWNPOUR_WORKER_TRAIN_TABLE_EXAMPLES_H_

#include <cstddef>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"
#include "worker/train/job.h"
#include "worker/train/job_data.h"

namespace downpour {

// How a row becomes the vector that a model takes: its numbers, and behind them for each column of categories `places`
// numbers, which are 0 but for a 1 at hash(category) % places. Without places, the numbers alone.
struct RowLayout {
  size_t numbers = 0;
  size_t categories = 0;  // columns
  size_t places = 0;

  size_t width() const { return numbers + categories * places; }
};

// The layout that is as wide as the model's input. INVALID_ARGUMENT, with the place of the source and the widths that
// would do, where there is none, and where the model does not take such labels. `what` has the rows: "clicks.csv".
absl::StatusOr<RowLayout> FitRows(const LoadedJob& job, std::string_view what, const TableSchema& schema);

// INVALID_ARGUMENT if a label of the set cannot be the model's: where a set has no classes, each is looked at.
absl::Status CheckLabels(const LoadedJob& job, std::string_view what, const TableDataset& rows);

// Rows [begin, end) of a set, as examples 0 to end - begin - 1.
std::unique_ptr<ExampleSet> MakeTableExamples(const LoadedJob& job, std::shared_ptr<const TableDataset> rows,
                                              const RowLayout& layout, uint64_t begin, uint64_t end);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_TABLE_EXAMPLES_H_
