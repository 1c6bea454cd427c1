// What `downpour bench transport` measures: tensors moving between a server and its clients. Each way to move them (raw
// TCP, and each carrier of the data plane) implements these two ends; driver, processes and accounting are the same.
#ifndef DOWNPOUR_CLI_TRANSPORT_ENDPOINT_H_
#define DOWNPOUR_CLI_TRANSPORT_ENDPOINT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace downpour {

enum class Transfer { kPush, kPull };
inline constexpr size_t kTransfers = 2;

// What there is to move: `tensors` tensors of `tensor_bytes` each (float32). The server has one set of them, every
// client another.
struct TransportShape {
  size_t tensor_bytes = size_t{1} << 20;  // a multiple of 4, at least 4
  size_t tensors = 1;
  int clients = 1;
  bool push = true;  // in which directions: a client has memory for each
  bool pull = true;

  size_t bytes() const { return tensor_bytes * tensors; }
};

// A client. At most one thread at a time for each direction.
class TransportClient {
 public:
  virtual ~TransportClient() = default;

  // Begins to move a tensor: from the client's memory into the server's weights (w -= rate * gradient), or from the
  // weights into the client's memory. A tensor is not begun again in the same direction before it has finished.
  virtual absl::Status Start(Transfer direction, size_t tensor) = 0;

  // Waits for the oldest of that direction that has not been waited for: a push has been applied, a pull has all bytes.
  virtual absl::Status Finish(Transfer direction) = 0;

  // The client's copy of the weights, all tensors one after the other; not while a pull is under way.
  virtual absl::Span<const float> Pulled() = 0;
};

// A server, which serves until it is destroyed.
class TransportServer {
 public:
  virtual ~TransportServer() = default;

  // Where clients find it.
  virtual std::string address() const = 0;
};

// One way to move tensors. Stateless; both functions are called in the process of that end.
class Transport {
 public:
  virtual ~Transport() = default;

  // "raw_tcp", "grpc", "shm", "memory".
  virtual std::string name() const = 0;

  // Server and clients are threads of one process.
  virtual bool in_process() const { return false; }

  // Whether memcpy is worth comparing with, beside raw TCP.
  virtual bool compare_with_memcpy() const { return in_process(); }

  virtual absl::StatusOr<std::unique_ptr<TransportServer>> Serve(const TransportShape& shape) const = 0;

  // `client` counts from 0. `server` is the one of this process where the transport is in-process, otherwise null.
  virtual absl::StatusOr<std::unique_ptr<TransportClient>> Connect(const TransportShape& shape,
                                                                   const std::string& address, int client,
                                                                   TransportServer* server) const = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_ENDPOINT_H_
