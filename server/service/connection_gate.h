#ifndef DOWNPOUR_SERVER_SERVICE_CONNECTION_GATE_H_
#define DOWNPOUR_SERVER_SERVICE_CONNECTION_GATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "server/service/listen_socket.h"

namespace downpour {

// Accepts connections and hands on as many as there may be. gRPC's own listener has no such limit, and is deaf for good
// once the process has run out of file descriptors; this one always keeps enough of them to accept a connection and
// close it. One thread, started at once.
class ConnectionGate {
 public:
  struct Options {
    size_t connections_max = 1024;
    std::string goodbye;  // written to a connection before it is closed because there are too many; may be empty
  };
  // Takes over `fd`, a connected non-blocking socket.
  using Admit = std::function<void(int listener_fd, int fd)>;

  // `admit` is called on the gate's thread.
  ConnectionGate(ListenSocket socket, Options options, Admit admit);
  ~ConnectionGate() { Stop(); }

  // Accepts nothing more; connections that were handed on stay. Idempotent, one thread at a time.
  void Stop();

  const ListenSocket& socket() const { return socket_; }
  uint64_t admitted() const { return admitted_.load(std::memory_order_relaxed); }
  uint64_t turned_away() const { return turned_away_.load(std::memory_order_relaxed); }

  // What tells an HTTP/2 client why it is sent away.
  static std::string Http2Goodbye(const std::string& reason);

 private:
  // A descriptor that was handed on, with the socket that it was then: descriptors are used again, sockets are not.
  struct Handed {
    int fd = -1;
    uint64_t inode = 0;
  };

  void Run();
  void AcceptAll();
  bool Accept();
  void TurnAway(int fd);
  void AcceptWithoutDescriptors();
  bool HasRoom();

  ListenSocket socket_;
  const Options options_;
  const Admit admit_;
  int wake_fd_ = -1;
  int reserve_fd_ = -1;  // given up to accept a connection when there are no others
  size_t handed_max_ = 0;
  std::vector<Handed> handed_;
  std::vector<int> leaving_;  // turned away, until they have read why
  std::atomic<uint64_t> admitted_{0};
  std::atomic<uint64_t> turned_away_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_CONNECTION_GATE_H_
