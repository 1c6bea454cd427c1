// Tables in CSV and TSV files.
#ifndef DOWNPOUR_WORKER_DATA_CSV_H_
#define DOWNPOUR_WORKER_DATA_CSV_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/dataset.h"

namespace downpour {

// Which columns of a file are used and what they mean.
struct CsvSchema {
  // Columns are named as the header names them; without a header, by their number, from "1".
  std::vector<std::string> dense = {};
  std::vector<std::string> categorical = {};
  std::string label = {};
  int classes = 2;  // labels are whole numbers below it; 0: any finite number

  char delimiter = ',';  // '\t' for TSV
  bool header = true;    // the first line names the columns

  // What an empty field of a dense column stands for; without a value it is an error. An empty category is a category.
  std::optional<float> empty_dense = std::nullopt;

  enum class OnError {
    kFail,  // the first bad row is the error
    kSkip,  // bad rows are left out and counted
  };
  OnError on_error = OnError::kFail;
};

struct CsvTable {
  std::unique_ptr<TableDataset> table;
  uint64_t skipped = 0;       // bad rows
  std::string first_skipped;  // what was wrong with the first of them: "FILE:LINE: ..."
};

// A row is a line; empty lines are passed over. Quotes as in delimited_fields.h. A category's key is the hash of its
// text seeded with the hash of its column's name, so keys of different columns differ and are the same in every file.
// Everything is kept in memory: 4 bytes for a number, 8 for a category.
//
// Errors say FILE:LINE: DATA_LOSS for rows, a bad header and a file without a good row; INVALID_ARGUMENT for a schema
// that cannot be (no columns, a name twice); NOT_FOUND and the like for a file that cannot be opened.
absl::StatusOr<CsvTable> LoadCsv(const std::string& path, const CsvSchema& schema);

// The key of a category.
uint64_t CategoryKey(std::string_view column, std::string_view category);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_CSV_H_
