#include "cli/transport/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"

namespace downpour {
namespace {

absl::Status Broken(const char* what) {
  const int error = errno;
  const absl::Status status = absl::ErrnoToStatus(error, what);
  return absl::UnavailableError(status.message());
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

absl::StatusOr<Socket> NewTcpSocket() {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return Broken("making a socket");
  return socket;
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    Close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

absl::Status Socket::Send(const void* data, size_t bytes) const {
  const auto* at = static_cast<const std::byte*>(data);
  while (bytes > 0) {
    const ssize_t sent = ::send(descriptor_, at, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return Broken("sending");
    at += sent;
    bytes -= sent;
  }
  return absl::OkStatus();
}

absl::Status Socket::SendBoth(const void* head, size_t head_bytes, const void* body, size_t body_bytes) const {
  iovec parts[] = {{const_cast<void*>(head), head_bytes}, {const_cast<void*>(body), body_bytes}};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const ssize_t result = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  if (result < 0 && errno != EINTR) return Broken("sending");
  const size_t sent = result < 0 ? 0 : result;
  if (sent < head_bytes) {
    DP_RETURN_IF_ERROR(Send(static_cast<const std::byte*>(head) + sent, head_bytes - sent));
    return Send(body, body_bytes);
  }
  const size_t body_sent = sent - head_bytes;
  return Send(static_cast<const std::byte*>(body) + body_sent, body_bytes - body_sent);
}

absl::StatusOr<size_t> Socket::ReceiveSome(void* data, size_t bytes_max) const {
  while (true) {
    const ssize_t received = ::recv(descriptor_, data, bytes_max, 0);
    if (received >= 0) return received;
    if (errno != EINTR) return Broken("receiving");
  }
}

absl::Status Socket::Receive(void* data, size_t bytes) const {
  auto* at = static_cast<std::byte*>(data);
  size_t left = bytes;
  while (left > 0) {
    DP_ASSIGN_OR_RETURN(const size_t received, ReceiveSome(at, left));
    if (received == 0) {
      if (left == bytes) return absl::OutOfRangeError("the peer has ended the connection");
      return absl::UnavailableError(
          absl::StrCat("the peer has ended the connection with ", left, " of ", bytes, " bytes still to come"));
    }
    at += received;
    left -= received;
  }
  return absl::OkStatus();
}

void Socket::Shutdown() const {
  if (is_open()) ::shutdown(descriptor_, SHUT_RDWR);
}

void Socket::Reset() {
  if (!is_open()) return;
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  Close();
}

void Socket::Close() {
  if (is_open()) ::close(std::exchange(descriptor_, -1));
}

absl::StatusOr<Socket> ListenLoopback(uint16_t port) {
  DP_ASSIGN_OR_RETURN(Socket listener, NewTcpSocket());
  const int on = 1;
  ::setsockopt(listener.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port);
  if (::bind(listener.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener.descriptor(), SOMAXCONN) != 0) {
    return Annotate(Broken("listening"), absl::StrCat("127.0.0.1:", port));
  }
  return listener;
}

absl::StatusOr<uint16_t> LocalPort(const Socket& socket) {
  sockaddr_in address = {};
  socklen_t size = sizeof(address);
  if (::getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return Broken("asking for the port");
  }
  return ntohs(address.sin_port);
}

absl::StatusOr<Socket> Accept(const Socket& listener) {
  while (true) {
    Socket socket(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket.is_open()) return socket;
    if (errno != EINTR && errno != ECONNABORTED) return Broken("accepting a connection");
  }
}

absl::StatusOr<Socket> ConnectTcp(const std::string& address) {
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port == 0 || port > 65535 ||
      ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("\"", address, "\" is no address; write 127.0.0.1:7070"));
  }
  to.sin_port = htons(static_cast<uint16_t>(port));
  DP_ASSIGN_OR_RETURN(Socket socket, NewTcpSocket());
  if (::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
    return Annotate(Broken("connecting"), address);
  }
  return socket;
}

absl::Status TuneTcp(const Socket& socket, const std::string& congestion_control) {
  const int on = 1;
  if (::setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) return Broken("TCP_NODELAY");
  if (!congestion_control.empty()) {
    ::setsockopt(socket.descriptor(), IPPROTO_TCP, TCP_CONGESTION, congestion_control.data(),
                 congestion_control.size());
  }
  return absl::OkStatus();
}

std::string EffectiveCongestionControl(const std::string& congestion_control) {
  const absl::StatusOr<Socket> socket = NewTcpSocket();
  char name[64] = {};
  socklen_t size = sizeof(name) - 1;
  if (!socket.ok() || !TuneTcp(*socket, congestion_control).ok() ||
      ::getsockopt(socket->descriptor(), IPPROTO_TCP, TCP_CONGESTION, name, &size) != 0) {
    return "";
  }
  return name;
}

}  // namespace downpour
