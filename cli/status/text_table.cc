#include "cli/status/text_table.h"

#include <algorithm>

#include "cli/status/safe_text.h"

namespace downpour {

std::vector<std::string> TextTable::Lines() const {
  std::vector<std::vector<std::string>> rows(1);
  for (const TableColumn& column : columns_) rows[0].push_back(column.title);
  rows.insert(rows.end(), rows_.begin(), rows_.end());

  std::vector<size_t> widths(columns_.size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      widths[i] = std::max(widths[i], TextColumns(row[i]));
    }
  }
  std::vector<std::string> lines;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      if (i > 0) line += "  ";
      const std::string blanks(widths[i] - TextColumns(row[i]), ' ');
      line += columns_[i].left ? row[i] + blanks : blanks + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string TextTable::Text() const {
  std::string text;
  for (const std::string& line : Lines()) text += line + "\n";
  return text;
}

}  // namespace downpour
