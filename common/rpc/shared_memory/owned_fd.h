#ifndef DOWNPOUR_COMMON_RPC_SHARED_MEMORY_OWNED_FD_H_
#define DOWNPOUR_COMMON_RPC_SHARED_MEMORY_OWNED_FD_H_

#include <unistd.h>

#include <utility>

namespace downpour {

// A file descriptor that is closed when its owner ends.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd() {
    if (fd_ >= 0) close(fd_);
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SHARED_MEMORY_OWNED_FD_H_
