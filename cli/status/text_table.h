// Rows of text in columns, for terminals and pipes.
#ifndef DOWNPOUR_CLI_STATUS_TEXT_TABLE_H_
#define DOWNPOUR_CLI_STATUS_TEXT_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace downpour {

struct TableColumn {
  std::string title;
  bool left = false;  // words stand left, numbers right
};

// Two blanks between columns, each as wide as its widest cell, none at the end of a line. Cells are safe text
// (safe_text.h); a row may have fewer cells than there are columns.
class TextTable {
 public:
  explicit TextTable(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}

  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  // The titles, then the rows; lines without their ends.
  std::vector<std::string> Lines() const;
  // All lines, each with its end.
  std::string Text() const;

 private:
  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_TEXT_TABLE_H_
