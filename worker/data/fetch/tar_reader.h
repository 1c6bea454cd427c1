// Archives of tar.
#ifndef DOWNPOUR_WORKER_DATA_FETCH_TAR_READER_H_
#define DOWNPOUR_WORKER_DATA_FETCH_TAR_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace downpour {

struct TarEntry {
  std::string name;  // with its folders, as the archive has it: not to be trusted as a path
  uint64_t size = 0;
};

// Reads the regular files of a POSIX (ustar) or GNU archive in their order. Everything else (folders, links, names of
// more than 100 characters beside the prefix, extended headers) is passed over. Nothing is written anywhere. One thread
// at a time. Damage is DATA_LOSS.
class TarReader {
 public:
  // Fills the span, fewer bytes only at the end of the archive.
  using Source = std::function<absl::StatusOr<size_t>(std::span<uint8_t>)>;

  explicit TarReader(Source source) : source_(std::move(source)) {}

  // The next regular file, or nothing at the archive's end. What was not read of the one before is passed over.
  absl::StatusOr<std::optional<TarEntry>> Next();

  // The next bytes of the present file; fewer than asked for only at its end.
  absl::StatusOr<size_t> Read(std::span<uint8_t> bytes);

 private:
  absl::Status ReadExactly(std::span<uint8_t> bytes);
  absl::Status PassOver();

  const Source source_;
  uint64_t left_ = 0;     // of the present file
  uint64_t padding_ = 0;  // behind it
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_FETCH_TAR_READER_H_
