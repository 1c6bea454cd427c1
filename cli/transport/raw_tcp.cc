#include "cli/transport/raw_tcp.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <list>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/transport/huge_array.h"
#include "cli/transport/socket.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "kernels/kernels.h"

namespace downpour {
namespace {

struct Header {
  uint64_t direction;
  uint64_t offset;  // in the weights, in bytes
  uint64_t bytes;
};

// Large enough that system calls do not count, small enough to stay in a core's cache.
constexpr size_t kReceiveBytes = size_t{256} << 10;

void Apply(const std::byte* gradient, size_t bytes, float* weights) {
  UpdateScalars scalars;
  scalars.rate = 1.0f / 1024;
  UpdateArrays arrays;
  arrays.gradient = gradient;
  arrays.weight_in = weights;
  arrays.weight_out = weights;
  arrays.count = bytes / sizeof(float);
  BestKernels().Update(UpdateRule::kSgd, scalars, arrays);
}

class RawTcpServer : public TransportServer {
 public:
  RawTcpServer(std::string congestion_control, Socket listener, uint16_t port, HugeArray weights)
      : congestion_control_(std::move(congestion_control)),
        listener_(std::move(listener)),
        port_(port),
        weights_(std::move(weights)),
        acceptor_([this] { AcceptAll(); }) {}

  ~RawTcpServer() override {
    listener_.Shutdown();
    acceptor_.join();
    MutexLock lock(&mutex_);
    for (Connection& connection : connections_) connection.socket.Shutdown();
    for (Connection& connection : connections_) connection.thread.join();
  }

  std::string address() const override { return absl::StrCat("127.0.0.1:", port_); }

 private:
  struct Connection {
    Socket socket;
    std::thread thread;
  };

  void AcceptAll() {
    while (true) {
      absl::StatusOr<Socket> socket = Accept(listener_);
      if (!socket.ok()) return;
      if (!TuneTcp(*socket, congestion_control_).ok()) continue;
      MutexLock lock(&mutex_);
      Connection& connection = connections_.emplace_back();
      connection.socket = *std::move(socket);
      connection.thread = std::thread([this, &connection] {
        // However it ends, the client hears of it by the end of the connection.
        Serve(connection.socket).IgnoreError();
        connection.socket.Shutdown();
      });
    }
  }

  absl::Status Serve(const Socket& socket) {
    std::vector<std::byte> buffer(kReceiveBytes);
    while (true) {
      Header header;
      DP_RETURN_IF_ERROR(socket.Receive(&header, sizeof(header)));
      if (header.bytes > weights_.bytes() || header.offset > weights_.bytes() - header.bytes ||
          header.offset % sizeof(float) != 0) {
        return absl::InvalidArgumentError("beyond the weights");
      }
      std::byte* const weights = weights_.data() + header.offset;
      if (header.direction == static_cast<uint64_t>(Transfer::kPull)) {
        DP_RETURN_IF_ERROR(socket.Send(weights, header.bytes));
        continue;
      }
      DP_RETURN_IF_ERROR(ReceiveGradient(socket, header.bytes, weights, buffer));
      DP_RETURN_IF_ERROR(socket.Send(&header.offset, sizeof(header.offset)));
    }
  }

  static absl::Status ReceiveGradient(const Socket& socket, size_t bytes, std::byte* weights,
                                      std::vector<std::byte>& buffer) {
    size_t carried = 0;  // bytes of an element that has not come whole
    while (bytes > 0) {
      DP_ASSIGN_OR_RETURN(const size_t received,
                          socket.ReceiveSome(buffer.data() + carried, std::min(bytes, buffer.size() - carried)));
      if (received == 0) return absl::UnavailableError("ended within a push");
      bytes -= received;
      const size_t have = carried + received;
      const size_t whole = have / sizeof(float) * sizeof(float);
      Apply(buffer.data(), whole, reinterpret_cast<float*>(weights));
      weights += whole;
      carried = have - whole;
      std::memmove(buffer.data(), buffer.data() + whole, carried);
    }
    return absl::OkStatus();
  }

  const std::string congestion_control_;
  const Socket listener_;
  const uint16_t port_;
  HugeArray weights_;
  Mutex mutex_;
  std::list<Connection> connections_ DP_GUARDED_BY(mutex_);
  std::thread acceptor_;
};

class RawTcpClient : public TransportClient {
 public:
  RawTcpClient(const TransportShape& shape, std::array<Socket, kTransfers> sockets, HugeArray gradients,
               HugeArray weights)
      : shape_(shape), sockets_(std::move(sockets)), gradients_(std::move(gradients)), weights_(std::move(weights)) {}

  absl::Status Start(Transfer direction, size_t tensor) override {
    const Header header = {static_cast<uint64_t>(direction), tensor * shape_.tensor_bytes, shape_.tensor_bytes};
    const Socket& socket = sockets_[static_cast<size_t>(direction)];
    if (direction == Transfer::kPush) {
      return socket.SendBoth(&header, sizeof(header), gradients_.data() + header.offset, header.bytes);
    }
    pulls_.push_back(header.offset);
    return socket.Send(&header, sizeof(header));
  }

  absl::Status Finish(Transfer direction) override {
    const Socket& socket = sockets_[static_cast<size_t>(direction)];
    if (direction == Transfer::kPush) {
      uint64_t offset;
      return socket.Receive(&offset, sizeof(offset));
    }
    const size_t offset = pulls_.front();
    pulls_.pop_front();
    return socket.Receive(weights_.data() + offset, shape_.tensor_bytes);
  }

  absl::Span<const float> Pulled() override { return {weights_.floats(), weights_.bytes() / sizeof(float)}; }

 private:
  const TransportShape shape_;
  const std::array<Socket, kTransfers> sockets_;
  HugeArray gradients_;
  HugeArray weights_;
  std::deque<size_t> pulls_;  // offsets, the oldest first
};

}  // namespace

absl::StatusOr<std::unique_ptr<TransportServer>> RawTcp::Serve(const TransportShape& shape) const {
  DP_ASSIGN_OR_RETURN(Socket listener, ListenLoopback(0));
  DP_ASSIGN_OR_RETURN(const uint16_t port, LocalPort(listener));
  DP_ASSIGN_OR_RETURN(HugeArray weights, HugeArray::Make(shape.bytes(), 1));
  return std::make_unique<RawTcpServer>(congestion_control_, std::move(listener), port, std::move(weights));
}

absl::StatusOr<std::unique_ptr<TransportClient>> RawTcp::Connect(const TransportShape& shape,
                                                                 const std::string& address, int /*client*/,
                                                                 TransportServer* /*server*/) const {
  std::array<Socket, kTransfers> sockets;
  for (Socket& socket : sockets) {
    DP_ASSIGN_OR_RETURN(socket, ConnectTcp(address));
    DP_RETURN_IF_ERROR(TuneTcp(socket, congestion_control_));
  }
  DP_ASSIGN_OR_RETURN(HugeArray gradients, HugeArray::Make(shape.push ? shape.bytes() : 0, 1));
  DP_ASSIGN_OR_RETURN(HugeArray weights, HugeArray::Make(shape.pull ? shape.bytes() : 0, 0));
  return std::make_unique<RawTcpClient>(shape, std::move(sockets), std::move(gradients), std::move(weights));
}

}  // namespace downpour
