// Text files, line by line.
#ifndef DOWNPOUR_WORKER_DATA_LINE_READER_H_
#define DOWNPOUR_WORKER_DATA_LINE_READER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/data/input_file.h"

namespace downpour {

// Reads lines that end in \n, in \r\n, or with the file, without holding more than a block and a line of it. A byte
// order mark before the first line is dropped. One thread at a time.
class LineReader {
 public:
  static constexpr size_t kLineBytesMax = size_t{1} << 20;

  struct Line {
    std::string_view text;  // without its end; holds until the next call
    uint64_t number = 0;    // from 1
    bool too_long = false;  // it had more than kLineBytesMax bytes; `text` is its beginning, the rest is passed over
  };

  explicit LineReader(InputFile file) : file_(std::move(file)) {}

  const std::string& path() const { return file_.path(); }

  // Sets `line` to the next; false at the end of the file.
  absl::StatusOr<bool> Next(Line* line);

 private:
  absl::StatusOr<bool> Fill();
  void Append(std::string_view piece);

  InputFile file_;
  std::vector<uint8_t> block_;
  size_t begin_ = 0;  // of what is unread in block_
  size_t end_ = 0;
  std::string text_;
  bool too_long_ = false;
  uint64_t lines_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_LINE_READER_H_
