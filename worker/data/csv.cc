#include "worker/data/csv.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/data/delimited_fields.h"
#include "worker/data/line_reader.h"

namespace downpour {
namespace {

constexpr uint32_t kColumnsMax = 1 << 16;

// A piece of a file, fit for a message.
std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 40;
  return absl::StrCat("\"", absl::CHexEscape(ToAbsl(text.substr(0, kShown))), text.size() > kShown ? "...\"" : "\"");
}

absl::Status ValidateSchema(const CsvSchema& schema) {
  if (schema.dense.empty() && schema.categorical.empty()) {
    return absl::InvalidArgumentError("the schema names no dense and no categorical column; it needs one at least");
  }
  if (schema.classes < 0 || schema.classes > 1 << 20 || schema.classes == 1) {
    return absl::InvalidArgumentError(absl::StrCat("the schema has ", schema.classes,
                                                   " classes; it must be 0 (labels are numbers) or in 2..1048576"));
  }
  if (schema.delimiter == '"' || schema.delimiter == '\n' || schema.delimiter == '\r') {
    return absl::InvalidArgumentError("the schema's delimiter cannot be a quote or the end of a line");
  }
  if (schema.empty_dense.has_value() && !std::isfinite(*schema.empty_dense)) {
    return absl::InvalidArgumentError("the schema's empty_dense must be a finite number");
  }
  std::set<std::string_view> names;
  for (const auto* columns : {&schema.dense, &schema.categorical}) {
    for (const std::string& name : *columns) {
      if (!names.insert(name).second) {
        return absl::InvalidArgumentError(absl::StrCat("the schema names column ", Quoted(name), " twice"));
      }
    }
  }
  if (!names.insert(schema.label).second) {
    return absl::InvalidArgumentError(
        absl::StrCat("the schema has column ", Quoted(schema.label), " as the label and as an input"));
  }
  return absl::OkStatus();
}

// What is read, row after row.
struct Columns {
  TableSchema schema;
  std::vector<float> dense;
  std::vector<uint64_t> keys;
  std::vector<float> labels;
};

class CsvDataset final : public TableDataset {
 public:
  explicit CsvDataset(Columns columns) : columns_(std::move(columns)) {}

  const TableSchema& schema() const override { return columns_.schema; }
  uint64_t size() const override { return columns_.labels.size(); }
  TableExample Get(uint64_t index, Scratch&) const override {
    const size_t dense = columns_.schema.dense.size(), categorical = columns_.schema.categorical.size();
    return {{columns_.dense.data() + index * dense, dense},
            {columns_.keys.data() + index * categorical, categorical},
            columns_.labels[index]};
  }

 private:
  const Columns columns_;
};

class CsvLoader {
 public:
  CsvLoader(const CsvSchema& schema, InputFile file) : schema_(schema), reader_(std::move(file)) {
    columns_.schema = {.dense = schema.dense, .categorical = schema.categorical, .classes = schema.classes};
    for (const std::string& name : schema.categorical) seeds_.push_back(Hash64(name));
  }

  absl::StatusOr<CsvTable> Load() {
    DP_RETURN_IF_ERROR(ReadHeader());
    CsvTable result;
    while (true) {
      DP_ASSIGN_OR_RETURN(const bool more, NextLine());
      if (!more) break;
      absl::Status row = ReadRow();
      if (row.ok()) continue;
      row = Annotate(std::move(row), absl::StrCat(reader_.path(), ":", line_.number));
      if (schema_.on_error == CsvSchema::OnError::kFail) return row;
      if (result.skipped++ == 0) result.first_skipped = std::string(ToStd(row.message()));
    }
    if (columns_.labels.empty()) {
      return absl::DataLossError(result.skipped == 0
                                     ? absl::StrCat(reader_.path(), ": no rows")
                                     : absl::StrCat(reader_.path(), ": all ", result.skipped,
                                                    " rows were skipped; the first: ", result.first_skipped));
    }
    result.table = std::make_unique<CsvDataset>(std::move(columns_));
    return result;
  }

 private:
  // The next line that is not empty.
  absl::StatusOr<bool> NextLine() {
    do {
      DP_ASSIGN_OR_RETURN(const bool more, reader_.Next(&line_));
      if (!more) return false;
    } while (line_.text.empty());
    return true;
  }

  absl::Status Split() {
    if (line_.too_long) {
      return absl::DataLossError(absl::StrCat("the line has more than ", LineReader::kLineBytesMax, " bytes"));
    }
    if (absl::Status split = SplitFields(line_.text, schema_.delimiter, &unquoted_, &fields_); !split.ok()) {
      return absl::DataLossError(split.message());
    }
    return absl::OkStatus();
  }

  // Finds the columns in the header; without one, they are numbers, and the first row shows how many there are.
  absl::Status ReadHeader() {
    std::vector<std::string> names;
    if (schema_.header) {
      DP_ASSIGN_OR_RETURN(const bool more, NextLine());
      if (!more) return absl::DataLossError(absl::StrCat(reader_.path(), ": empty; a header line is expected"));
      DP_RETURN_IF_ERROR(Annotate(Split(), absl::StrCat(reader_.path(), ":", line_.number)));
      names.assign(fields_.begin(), fields_.end());
      column_count_ = names.size();
    }
    for (const std::string& name : schema_.dense) DP_RETURN_IF_ERROR(Find(names, name, &dense_columns_));
    for (const std::string& name : schema_.categorical) DP_RETURN_IF_ERROR(Find(names, name, &categorical_columns_));
    std::vector<size_t> label;
    DP_RETURN_IF_ERROR(Find(names, schema_.label, &label));
    label_column_ = label.front();
    return absl::OkStatus();
  }

  absl::Status Find(const std::vector<std::string>& names, const std::string& name, std::vector<size_t>* columns) {
    if (!schema_.header) {
      uint32_t number = 0;
      if (!absl::SimpleAtoi(name, &number) || number < 1 || number > kColumnsMax) {
        return absl::InvalidArgumentError(
            absl::StrCat("the schema names column ", Quoted(name), "; without a header, columns are 1..", kColumnsMax));
      }
      columns->push_back(number - 1);
      columns_needed_ = std::max<size_t>(columns_needed_, number);
      return absl::OkStatus();
    }
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      std::vector<std::string> shown;
      for (size_t i = 0; i < std::min<size_t>(names.size(), 30); ++i) shown.push_back(Quoted(names[i]));
      return absl::DataLossError(absl::StrCat(reader_.path(), ":", line_.number, ": no column ", Quoted(name),
                                              " in the header, which has ", names.size(), ": ",
                                              absl::StrJoin(shown, ", "), names.size() > shown.size() ? ", ..." : ""));
    }
    if (std::find(found + 1, names.end(), name) != names.end()) {
      return absl::DataLossError(
          absl::StrCat(reader_.path(), ":", line_.number, ": column ", Quoted(name), " is in the header twice"));
    }
    columns->push_back(static_cast<size_t>(found - names.begin()));
    return absl::OkStatus();
  }

  // Adds line_ to the table, or leaves that as it was.
  absl::Status ReadRow() {
    DP_RETURN_IF_ERROR(Split());
    if (column_count_ == 0 && fields_.size() < columns_needed_) {
      return absl::DataLossError(
          absl::StrCat(fields_.size(), " fields where the schema uses column ", columns_needed_));
    }
    if (column_count_ != 0 && fields_.size() != column_count_) {
      return absl::DataLossError(absl::StrCat(fields_.size(), " fields where ",
                                              schema_.header ? "the header" : "the first row", " has ", column_count_));
    }
    row_.clear();
    for (const size_t column : dense_columns_) {
      if (fields_[column].empty() && schema_.empty_dense.has_value()) {
        row_.push_back(*schema_.empty_dense);
      } else {
        DP_RETURN_IF_ERROR(ReadNumber(column, "a finite number", &row_.emplace_back()));
      }
    }
    float label = 0;
    if (schema_.classes == 0) {
      DP_RETURN_IF_ERROR(ReadNumber(label_column_, "a finite number, being the label", &label));
    } else {
      DP_RETURN_IF_ERROR(ReadClass(&label));
    }
    column_count_ = fields_.size();
    columns_.dense.insert(columns_.dense.end(), row_.begin(), row_.end());
    for (size_t i = 0; i < categorical_columns_.size(); ++i) {
      columns_.keys.push_back(Hash64(fields_[categorical_columns_[i]], seeds_[i]));
    }
    columns_.labels.push_back(label);
    return absl::OkStatus();
  }

  absl::Status ReadNumber(size_t column, const char* expected, float* number) {
    if (absl::SimpleAtof(ToAbsl(fields_[column]), number) && std::isfinite(*number)) return absl::OkStatus();
    return Unusable(column, expected);
  }

  absl::Status ReadClass(float* label) {
    int32_t number = 0;
    if (absl::SimpleAtoi(ToAbsl(fields_[label_column_]), &number) && number >= 0 && number < schema_.classes) {
      *label = static_cast<float>(number);
      return absl::OkStatus();
    }
    return Unusable(label_column_, absl::StrCat("a label in 0..", schema_.classes - 1));
  }

  absl::Status Unusable(size_t column, std::string_view expected) const {
    return absl::DataLossError(
        absl::StrCat("field ", column + 1, " is ", Quoted(fields_[column]), "; it must be ", ToAbsl(expected)));
  }

  const CsvSchema& schema_;
  LineReader reader_;
  Columns columns_;
  std::vector<uint64_t> seeds_;  // of the categorical columns' hashes
  std::vector<size_t> dense_columns_;
  std::vector<size_t> categorical_columns_;
  size_t label_column_ = 0;
  size_t columns_needed_ = 0;  // without a header: the last column that is used
  size_t column_count_ = 0;    // that each row must have; 0 until it is known

  // Of the row being read:
  LineReader::Line line_;
  std::string unquoted_;
  std::vector<std::string_view> fields_;
  std::vector<float> row_;
};

}  // namespace

absl::StatusOr<CsvTable> LoadCsv(const std::string& path, const CsvSchema& schema) {
  DP_RETURN_IF_ERROR(Annotate(ValidateSchema(schema), path));
  DP_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  return CsvLoader(schema, std::move(file)).Load();
}

uint64_t CategoryKey(std::string_view column, std::string_view category) { return Hash64(category, Hash64(column)); }

}  // namespace downpour
