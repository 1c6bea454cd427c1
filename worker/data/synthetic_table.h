// Table rows that need no file and can be learnt.
#ifndef DOWNPOUR_WORKER_DATA_SYNTHETIC_TABLE_H_
#define DOWNPOUR_WORKER_DATA_SYNTHETIC_TABLE_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace downpour {

struct SyntheticTableOptions {
  int dense = 8;               // columns, at most 4096
  int categorical = 8;         // columns, at most 4096
  uint32_t categories = 1000;  // of each column, at least 1; small numbers are much more frequent than big ones
  uint64_t examples = 200'000;
  uint64_t seed = 1;
  float noise = 0.5f;  // standard deviation of what nobody can learn, beside a score with deviation 1
};

// Rows with a label of 0 or 1, each about half the time: whether score + noise > 0. The score has three parts of the
// same weight: a fixed linear function of the dense columns (which are close to normal, with mean 0 and deviation 1),
// an effect of each category of each column, and an effect of each pair of categories in columns 0 and 1 (2 and 3,
// ...), which takes a cross of columns or a deep network to learn. Both splits of a seed have the same effects and
// different rows. Made when asked for, from the seed and the row's number alone; the same on every machine. A key is
// column * 2^32 + category. INVALID_ARGUMENT for options out of range.
absl::StatusOr<std::unique_ptr<TableDataset>> MakeSyntheticTable(const SyntheticTableOptions& options, Split split);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_SYNTHETIC_TABLE_H_
