#ifndef DOWNPOUR_SERVER_SERVICE_LISTEN_SOCKET_H_
#define DOWNPOUR_SERVER_SERVICE_LISTEN_SOCKET_H_

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace downpour {

// Where to listen, as people write it: "127.0.0.1:7070", "[::1]:7070", "gpu-box:0"; an empty host is every address.
struct ListenAddress {
  std::string host;
  std::string port;

  static absl::StatusOr<ListenAddress> Parse(std::string_view text);
};

// A TCP socket that listens; closed when this goes.
class ListenSocket {
 public:
  // UNAVAILABLE where the port is taken, INVALID_ARGUMENT for an address that is none or is not of this machine.
  static absl::StatusOr<ListenSocket> Open(const ListenAddress& address);

  ListenSocket(ListenSocket&& other) noexcept { *this = std::move(other); }
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ~ListenSocket() { Close(); }

  int fd() const { return fd_; }
  int port() const { return port_; }
  bool loopback() const { return loopback_; }              // reached from this machine only
  const std::string& address() const { return address_; }  // "127.0.0.1:7070", with the port that was chosen

  void Close();

 private:
  ListenSocket() = default;

  int fd_ = -1;
  int port_ = 0;
  bool loopback_ = false;
  std::string address_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_LISTEN_SOCKET_H_
