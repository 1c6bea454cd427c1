// Blocking stream sockets on the loopback interface, for what measures and tests below gRPC.
#ifndef DOWNPOUR_CLI_TRANSPORT_SOCKET_H_
#define DOWNPOUR_CLI_TRANSPORT_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace downpour {

// Owns a file descriptor and closes it. One thread may read and another write; Shutdown() may come from any.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;
  ~Socket() { Close(); }

  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

  // Sends or receives all of it. OUT_OF_RANGE where the peer has ended before the first byte, UNAVAILABLE for every
  // other end.
  absl::Status Send(const void* data, size_t bytes) const;
  absl::Status Receive(void* data, size_t bytes) const;

  // Both parts one after the other, in one system call where they fit.
  absl::Status SendBoth(const void* head, size_t head_bytes, const void* body, size_t body_bytes) const;

  // What has come, at least one byte and at most `bytes_max`; 0 at the end of the stream.
  absl::StatusOr<size_t> ReceiveSome(void* data, size_t bytes_max) const;

  // Wakes everyone who waits on it; the descriptor stays taken.
  void Shutdown() const;
  // Closed so that the peer gets a reset instead of an end.
  void Reset();
  void Close();

 private:
  int descriptor_ = -1;
};

// Listens at 127.0.0.1; port 0 takes a free one.
absl::StatusOr<Socket> ListenLoopback(uint16_t port);
absl::StatusOr<uint16_t> LocalPort(const Socket& socket);
absl::StatusOr<Socket> Accept(const Socket& listener);

// "127.0.0.1:7070", or another IPv4 address in numbers.
absl::StatusOr<Socket> ConnectTcp(const std::string& address);

// TCP_NODELAY, and the congestion control of this name where the host has and allows it; "" leaves the host's.
absl::Status TuneTcp(const Socket& socket, const std::string& congestion_control);

// The congestion control that TuneTcp comes to here; "" where that cannot be found out.
std::string EffectiveCongestionControl(const std::string& congestion_control);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_SOCKET_H_
