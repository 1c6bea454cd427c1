// Files that data are read from.
#ifndef DOWNPOUR_WORKER_DATA_INPUT_FILE_H_
#define DOWNPOUR_WORKER_DATA_INPUT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tensor/aligned_buffer.h"

namespace downpour {

// A regular file, open for reading from its beginning. Read and not mapped, so that a file cut short meanwhile is an
// error and not a signal. One thread at a time.
class InputFile {
 public:
  // Errors name the path: NOT_FOUND, PERMISSION_DENIED, or FAILED_PRECONDITION for what is no regular file (a folder; a
  // pipe, which could block for ever).
  static absl::StatusOr<InputFile> Open(const std::string& path);

  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }  // in bytes, when it was opened

  // The next bytes into `bytes`; returns how many, fewer than asked for only at the end of the file.
  absl::StatusOr<size_t> Read(std::span<uint8_t> bytes);

  // The same; fewer than asked for is DATA_LOSS.
  absl::Status ReadExactly(std::span<uint8_t> bytes);

 private:
  InputFile(std::string path, int descriptor, uint64_t size)
      : path_(std::move(path)), descriptor_(descriptor), size_(size) {}

  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// All bytes of a regular file.
absl::StatusOr<AlignedBuffer> ReadWholeFile(const std::string& path);

// AlignedBuffer::Allocate for the contents of `path`, which an error names.
absl::StatusOr<AlignedBuffer> AllocateFor(const std::string& path, uint64_t size);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_INPUT_FILE_H_
