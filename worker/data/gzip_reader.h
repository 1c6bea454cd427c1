// Decompression of gzip data.
#ifndef DOWNPOUR_WORKER_DATA_GZIP_READER_H_
#define DOWNPOUR_WORKER_DATA_GZIP_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace downpour {

// True if the bytes begin as gzip files do.
bool IsGzip(std::span<const uint8_t> bytes);

// Hands out the decompressed bytes of a gzip file (of one member or of several) piece by piece, so that the reader
// decides how much memory they may take. One thread at a time.
class GzipReader {
 public:
  // A byte of deflate's output costs at least this part of a byte of input: what a header promises beyond it is a lie.
  static constexpr uint64_t kRatioMax = 1032;

  // Reads `compressed`, which must outlive the reader; `path` is for errors.
  GzipReader(std::span<const uint8_t> compressed, std::string path);
  ~GzipReader();

  // The next bytes; returns how many, fewer than asked for only at the end of the data. DATA_LOSS if the compressed
  // data are damaged, cut short, or followed by something else; the offset in the message is in the compressed file.
  absl::StatusOr<size_t> Read(std::span<uint8_t> bytes);

 private:
  struct Stream;

  size_t offset() const;
  absl::Status Damaged(const char* how) const;
  absl::Status NextMember();

  const std::span<const uint8_t> compressed_;
  const std::string path_;
  std::unique_ptr<Stream> stream_;
  bool at_end_ = false;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DATA_GZIP_READER_H_
