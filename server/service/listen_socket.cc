#include "server/service/listen_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

constexpr int kBacklog = 1024;

absl::Status WithErrno(absl::StatusCode code, const std::string& what, int error) {
  return absl::Status(code, absl::StrCat(what, ": ", std::strerror(error)));
}

bool IsLoopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

int PortOf(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

std::string TextOf(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof(text));
    return absl::StrCat(text, ":", PortOf(address));
  }
  inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof(text));
  return absl::StrCat("[", text, "]:", PortOf(address));
}

}  // namespace

absl::StatusOr<ListenAddress> ListenAddress::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  ListenAddress address;
  int port = 0;
  if (colon == std::string_view::npos || !absl::SimpleAtoi(ToAbsl(text.substr(colon + 1)), &port) || port < 0 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", ToAbsl(text), "\" is no address to listen at: write HOST:PORT, such as 127.0.0.1:7070 or [::1]:0"));
  }
  address.host = text.substr(0, colon);
  address.port = std::to_string(port);
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  return address;
}

absl::StatusOr<ListenSocket> ListenSocket::Open(const ListenAddress& address) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed =
      getaddrinfo(address.host.empty() ? nullptr : address.host.c_str(), address.port.c_str(), &hints, &found);
  if (failed != 0) {
    return absl::InvalidArgumentError(absl::StrCat("cannot listen at \"", address.host, "\": ", gai_strerror(failed)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, &freeaddrinfo);

  ListenSocket listening;
  listening.fd_ = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listening.fd_ < 0) return WithErrno(absl::StatusCode::kResourceExhausted, "no socket to listen with", errno);
  // A server that is started again must not wait for connections of the last one to fade away.
  const int yes = 1;
  setsockopt(listening.fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(listening.fd_, found->ai_addr, found->ai_addrlen) != 0 || listen(listening.fd_, kBacklog) != 0) {
    const int error = errno;
    const std::string where = absl::StrCat("cannot listen at ", address.host, ":", address.port);
    if (error == EADDRINUSE) {
      return WithErrno(absl::StatusCode::kUnavailable, absl::StrCat(where, " (choose another port, or 0 for any)"),
                       error);
    }
    return WithErrno(absl::StatusCode::kInvalidArgument, where, error);
  }
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (getsockname(listening.fd_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return WithErrno(absl::StatusCode::kInternal, "getsockname", errno);
  }
  listening.port_ = PortOf(bound);
  listening.loopback_ = IsLoopback(bound);
  listening.address_ = TextOf(bound);
  return listening;
}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  Close();
  fd_ = std::exchange(other.fd_, -1);
  port_ = other.port_;
  loopback_ = other.loopback_;
  address_ = std::move(other.address_);
  return *this;
}

void ListenSocket::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

}  // namespace downpour
