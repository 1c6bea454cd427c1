#include "worker/data/input_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  // Without O_NONBLOCK, opening a pipe would wait for somebody to write to it.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be opened"));
  InputFile file(path, descriptor, 0);
  struct stat facts = {};
  if (fstat(descriptor, &facts) != 0) return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be examined"));
  if (!S_ISREG(facts.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": is ", S_ISDIR(facts.st_mode) ? "a folder" : "no regular file", "; a file of data is expected"));
  }
  file.size_ = static_cast<uint64_t>(facts.st_size);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<size_t> InputFile::Read(std::span<uint8_t> bytes) {
  constexpr size_t kAtOnce = size_t{1} << 30;  // Linux reads at most 2 GiB in one call
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(descriptor_, bytes.data() + done, std::min(bytes.size() - done, kAtOnce));
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": cannot be read"));
    done += static_cast<size_t>(got);
  }
  return done;
}

absl::Status InputFile::ReadExactly(std::span<uint8_t> bytes) {
  DP_ASSIGN_OR_RETURN(const size_t got, Read(bytes));
  if (got == bytes.size()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, ": became shorter while it was read: ", got, " bytes where ",
                                          bytes.size(), " were expected"));
}

absl::StatusOr<AlignedBuffer> AllocateFor(const std::string& path, uint64_t size) {
  return Annotate(AlignedBuffer::Allocate(size), absl::StrCat(path, ": memory for ", size, " bytes of data"));
}

absl::StatusOr<AlignedBuffer> ReadWholeFile(const std::string& path) {
  DP_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  DP_ASSIGN_OR_RETURN(AlignedBuffer bytes, AllocateFor(path, file.size()));
  DP_RETURN_IF_ERROR(file.ReadExactly(bytes.Elements<uint8_t>()));
  return bytes;
}

}  // namespace downpour
