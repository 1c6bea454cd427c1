#include "server/service/connection_gate.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/time/time.h"
#include "common/base/log.h"

namespace downpour {
namespace {

// Descriptors that everything else may need: completion queues, files, what libraries open.
constexpr size_t kDescriptorsSpared = 64;
constexpr int kAcceptedAtOnce = 256;
constexpr size_t kLeavingMax = 64;
constexpr int kLeavingMilliseconds = 100;

int OpenReserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

size_t OpenDescriptors() {
  size_t count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 256;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// As many connections as the limit of open files leaves room for.
size_t RoomForConnections(size_t wanted) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  const size_t taken = OpenDescriptors() + kDescriptorsSpared;
  const size_t room = limit.rlim_cur > taken ? limit.rlim_cur - taken : 1;
  if (room < wanted) {
    DP_LOG(WARNING) << "the limit of " << limit.rlim_cur << " open files leaves room for " << room
                    << " connections, not " << wanted << "; raise it (ulimit -n) to serve more";
  }
  return std::min(wanted, room);
}

uint64_t InodeOf(int fd) {
  struct stat status = {};
  return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

void PrepareSocket(int fd) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
}

}  // namespace

std::string ConnectionGate::Http2Goodbye(const std::string& reason) {
  constexpr char kEnhanceYourCalm = 0xb;
  const auto frame = [](char type, const std::string& payload) {
    const size_t size = payload.size();
    std::string bytes = {static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size), type};
    return bytes + std::string(5, '\0') + payload;  // no flags, stream 0
  };
  const std::string goaway = std::string(7, '\0') + kEnhanceYourCalm + reason;
  return frame(/*SETTINGS*/ 4, "") + frame(/*GOAWAY*/ 7, goaway);
}

ConnectionGate::ConnectionGate(ListenSocket socket, Options options, Admit admit)
    : socket_(std::move(socket)),
      options_(std::move(options)),
      admit_(std::move(admit)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reserve_fd_(OpenReserve()),
      handed_max_(RoomForConnections(options_.connections_max)) {
  thread_ = std::thread([this] { Run(); });
}

void ConnectionGate::Stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true, std::memory_order_release);
  eventfd_write(wake_fd_, 1);
  thread_.join();
  socket_.Close();
  for (const int fd : leaving_) close(fd);
  close(reserve_fd_);
  close(wake_fd_);
}

void ConnectionGate::Run() {
  while (!stopping_.load(std::memory_order_acquire)) {
    pollfd polled[2] = {{.fd = socket_.fd(), .events = POLLIN, .revents = 0},
                        {.fd = wake_fd_, .events = POLLIN, .revents = 0}};
    const int ready = poll(polled, 2, leaving_.empty() ? 1000 : kLeavingMilliseconds);
    if (ready == 0) {
      for (const int fd : leaving_) close(fd);
      leaving_.clear();
    }
    if (reserve_fd_ < 0) reserve_fd_ = OpenReserve();
    if (ready > 0 && polled[0].revents != 0) AcceptAll();
  }
}

void ConnectionGate::AcceptAll() {
  for (int i = 0; i < kAcceptedAtOnce && Accept(); ++i) {
  }
}

bool ConnectionGate::Accept() {
  const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    if (!HasRoom()) {
      TurnAway(fd);
      return true;
    }
    PrepareSocket(fd);
    handed_.push_back({fd, InodeOf(fd)});
    admitted_.fetch_add(1, std::memory_order_relaxed);
    admit_(socket_.fd(), fd);
    return true;
  }
  switch (errno) {
    case EAGAIN:
      return false;
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
      return true;
    case EMFILE:
    case ENFILE:
      AcceptWithoutDescriptors();
      return false;
    default:
      DP_LOG_EVERY(WARNING, absl::Seconds(10)) << "cannot accept a connection: " << std::strerror(errno);
      poll(nullptr, 0, 10);  // it is there still: not in a hurry
      return false;
  }
}

// The connection in the queue would wake us for ever: take it with the descriptor that is kept for this, and close it.
void ConnectionGate::AcceptWithoutDescriptors() {
  DP_LOG_EVERY(WARNING, absl::Seconds(10)) << "no file descriptors left: closing connections";
  for (const int fd : leaving_) close(fd);
  leaving_.clear();
  if (reserve_fd_ >= 0) close(reserve_fd_);
  const int fd = accept4(socket_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    close(fd);
    turned_away_.fetch_add(1, std::memory_order_relaxed);
  } else {
    poll(nullptr, 0, 10);
  }
  reserve_fd_ = OpenReserve();
}

bool ConnectionGate::HasRoom() {
  if (handed_.size() < handed_max_) return true;
  // Nobody says when a connection is closed; but a descriptor that is not that socket any more has been.
  std::erase_if(handed_, [](const Handed& handed) { return InodeOf(handed.fd) != handed.inode; });
  return handed_.size() < handed_max_;
}

void ConnectionGate::TurnAway(int fd) {
  turned_away_.fetch_add(1, std::memory_order_relaxed);
  DP_LOG_EVERY(WARNING, absl::Seconds(10))
      << handed_max_ << " connections are open, which is all there may be: closing a new one";
  // What the client has sent must be read, or closing would take back what it has not read yet.
  char unread[4096];
  while (recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0) {
  }
  if (!options_.goodbye.empty()) {
    (void)send(fd, options_.goodbye.data(), options_.goodbye.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  shutdown(fd, SHUT_WR);
  if (leaving_.size() < kLeavingMax) {
    leaving_.push_back(fd);
  } else {
    close(fd);
  }
}

}  // namespace downpour
