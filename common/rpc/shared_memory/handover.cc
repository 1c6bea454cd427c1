#include "common/rpc/shared_memory/handover.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

// So long does the listener's thread wait for one worker, which has nothing else to do than to answer.
constexpr absl::Duration kPatience = absl::Seconds(1);
// How long it rests when it cannot accept (too many open files).
constexpr int kRestMs = 50;

// What comes with the descriptor.
struct ShapeMessage {
  uint32_t magic = 0x444d4853;  // "SHMD"
  uint32_t version = 1;
  SegmentShape shape;
};
constexpr char kMapped = 'm';

absl::Status Fault(std::string_view what) {
  const int error = errno;
  return absl::UnavailableError(absl::StrCat("Handing over shared memory: ", ToAbsl(what), ": ", std::strerror(error)));
}

std::string RandomBytes(size_t count) {
  std::string bytes(count, '\0');
  if (getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count)) return "";
  return bytes;
}

struct Address {
  sockaddr_un address = {};
  socklen_t length = 0;
};

std::optional<Address> AbstractAddress(std::string_view name) {
  Address at;
  at.address.sun_family = AF_UNIX;
  if (name.empty() || name.size() + 1 > sizeof(at.address.sun_path)) return std::nullopt;
  std::memcpy(at.address.sun_path + 1, name.data(), name.size());
  at.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return at;
}

absl::Status CheckPeerIs(uid_t user, const OwnedFd& connection) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return Fault("SO_PEERCRED");
  if (peer.uid == user) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("Handing over shared memory: process ", peer.pid, " runs as user ",
                                                  peer.uid, ", and not as ", user));
}

// Waits until one of the two can be read; `stop` may be none. True: the first.
bool WaitReadable(int fd, int stop, absl::Duration timeout) {
  std::array<pollfd, 2> polls = {{{fd, POLLIN, 0}, {stop, POLLIN, 0}}};
  const int milliseconds =
      timeout == absl::InfiniteDuration() ? -1 : static_cast<int>(absl::ToInt64Milliseconds(timeout));
  while (poll(polls.data(), polls.size(), milliseconds) < 0) {
    if (errno != EINTR) return false;
  }
  return polls[1].revents == 0 && polls[0].revents != 0;
}

absl::StatusOr<std::string> Receive(const OwnedFd& connection, int stop, absl::Duration timeout) {
  if (!WaitReadable(connection.get(), stop, timeout)) {
    return absl::DeadlineExceededError("Handing over shared memory: the other side says nothing");
  }
  std::array<char, 64> bytes;
  const ssize_t count = recv(connection.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0) return Fault("recv");
  return std::string(bytes.data(), static_cast<size_t>(count));
}

absl::Status Send(const OwnedFd& connection, std::string_view bytes) {
  const ssize_t count = send(connection.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return count == static_cast<ssize_t>(bytes.size()) ? absl::OkStatus() : Fault("send");
}

absl::Status SendMemory(const OwnedFd& connection, const HandoverOffer::Memory& memory) {
  ShapeMessage shape;
  shape.shape = memory.shape;
  iovec bytes = {&shape, sizeof(shape)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
  msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = memory.fd.get();
  std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  const ssize_t count = sendmsg(connection.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return count == static_cast<ssize_t>(sizeof(shape)) ? absl::OkStatus() : Fault("sendmsg");
}

absl::StatusOr<HandoverOffer::Memory> ReceiveMemory(const OwnedFd& connection, absl::Duration timeout) {
  if (!WaitReadable(connection.get(), -1, timeout)) {
    return absl::UnavailableError("Handing over shared memory: the server says nothing");
  }
  ShapeMessage shape;
  iovec bytes = {&shape, sizeof(shape)};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control = {};
  msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t count = recvmsg(connection.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) return Fault("recvmsg");
  // There is room for one descriptor; the kernel closes what is more.
  HandoverOffer::Memory memory;
  const cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
      rights->cmsg_len == CMSG_LEN(sizeof(int))) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
    memory.fd = OwnedFd(fd);
  }
  const ShapeMessage expected;
  if (!memory.fd || count != sizeof(shape) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return absl::UnavailableError("Handing over shared memory: the server declined");
  }
  if (shape.magic != expected.magic || shape.version != expected.version) {
    return absl::UnavailableError("Handing over shared memory: the server speaks another version");
  }
  memory.shape = shape.shape;
  return memory;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HandoverListener>> HandoverListener::Start(uid_t user) {
  const std::string random = RandomBytes(16);
  if (random.empty()) return Fault("getrandom");
  std::string name = absl::StrCat("downpour-", absl::BytesToHexString(random));
  OwnedFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Fault("socket");
  const std::optional<Address> at = AbstractAddress(name);
  if (!at) return absl::InternalError("The name of a Unix socket is too long");
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&at->address), at->length) != 0) return Fault("bind");
  if (listen(socket.get(), 128) != 0) return Fault("listen");
  OwnedFd stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return Fault("eventfd");
  return std::unique_ptr<HandoverListener>(
      new HandoverListener(std::move(socket), std::move(stop), std::move(name), user));
}

HandoverListener::HandoverListener(OwnedFd socket, OwnedFd stop, std::string name, uid_t user)
    : socket_(std::move(socket)), stop_(std::move(stop)), name_(std::move(name)), user_(user) {
  thread_ = std::thread([this] { Run(); });
}

HandoverListener::~HandoverListener() {
  const uint64_t one = 1;
  // An eventfd takes 8 bytes always.
  (void)!write(stop_.get(), &one, sizeof(one));
  thread_.join();
}

std::string HandoverListener::Offer(std::weak_ptr<HandoverOffer> offer) {
  std::string nonce = RandomBytes(kHandoverNonceBytes);
  if (nonce.empty()) return nonce;
  MutexLock lock(&mutex_);
  offers_[nonce] = std::move(offer);
  return nonce;
}

void HandoverListener::Withdraw(const std::string& nonce) {
  MutexLock lock(&mutex_);
  offers_.erase(nonce);
}

void HandoverListener::Run() {
  for (;;) {
    if (!WaitReadable(socket_.get(), stop_.get(), absl::InfiniteDuration())) return;
    const OwnedFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) poll(nullptr, 0, kRestMs);
      continue;
    }
    const absl::Status status = Serve(connection);
    if (!status.ok()) DP_LOG_EVERY(INFO, absl::Seconds(10)) << status.message() << "; its payloads travel by gRPC";
  }
}

absl::Status HandoverListener::Serve(const OwnedFd& connection) {
  DP_RETURN_IF_ERROR(CheckPeerIs(user_, connection));
  DP_ASSIGN_OR_RETURN(const std::string nonce, Receive(connection, stop_.get(), kPatience));
  std::shared_ptr<HandoverOffer> offer;
  {
    MutexLock lock(&mutex_);
    if (const auto found = offers_.find(nonce); found != offers_.end()) {
      offer = found->second.lock();
      offers_.erase(found);
    }
  }
  if (offer == nullptr) return absl::PermissionDeniedError("Handing over shared memory: nobody was offered that");
  {
    DP_ASSIGN_OR_RETURN(const HandoverOffer::Memory memory, offer->Make());
    DP_RETURN_IF_ERROR(SendMemory(connection, memory));
  }
  DP_ASSIGN_OR_RETURN(const std::string answer, Receive(connection, stop_.get(), kPatience));
  if (answer != std::string(1, kMapped)) {
    return absl::UnavailableError("Handing over shared memory: the worker could not map it");
  }
  offer->Taken();
  return absl::OkStatus();
}

absl::StatusOr<HandoverReceiver> HandoverReceiver::Fetch(std::string_view name, std::string_view nonce,
                                                         absl::Duration timeout) {
  const std::optional<Address> at = AbstractAddress(name);
  if (!at || nonce.size() != kHandoverNonceBytes) {
    return absl::InvalidArgumentError("Handing over shared memory: an offer without a name or nonce");
  }
  HandoverReceiver receiver;
  receiver.socket_ = OwnedFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!receiver.socket_) return Fault("socket");
  // To a Unix socket one is connected at once, or not at all.
  if (connect(receiver.socket_.get(), reinterpret_cast<const sockaddr*>(&at->address), at->length) != 0) {
    return Fault("connect");
  }
  DP_RETURN_IF_ERROR(CheckPeerIs(geteuid(), receiver.socket_));
  DP_RETURN_IF_ERROR(Send(receiver.socket_, nonce));
  DP_ASSIGN_OR_RETURN(const HandoverOffer::Memory memory, ReceiveMemory(receiver.socket_, timeout));
  DP_ASSIGN_OR_RETURN(receiver.segment_, Segment::Adopt(memory.fd, memory.shape));
  return receiver;
}

absl::Status HandoverReceiver::SayMapped() { return Send(socket_, std::string_view(&kMapped, 1)); }

}  // namespace downpour
