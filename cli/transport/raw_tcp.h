#ifndef DOWNPOUR_CLI_TRANSPORT_RAW_TCP_H_
#define DOWNPOUR_CLI_TRANSPORT_RAW_TCP_H_

#include <string>

#include "cli/transport/endpoint.h"

namespace downpour {

// The floor of every transport over TCP: plain sockets on the loopback interface, a header of 24 bytes, a whole tensor
// as one write. The server has a thread for each connection; it updates the weights (SGD, the same kernel as the store
// uses) straight from a receive buffer that stays in cache, then acknowledges with 8 bytes; a pull is answered by one
// write from the weights, which the client receives where they shall lie. No locks, no checks, no framing beyond that:
// clients write over each other. Each client has a connection for pushes and one for pulls.
class RawTcp : public Transport {
 public:
  // Of all its sockets; "" is the host's, as is one that the host does not have or allow. Compare with a transport that
  // uses the same.
  explicit RawTcp(std::string congestion_control) : congestion_control_(std::move(congestion_control)) {}

  std::string name() const override { return "raw_tcp"; }
  bool compare_with_memcpy() const override { return true; }
  absl::StatusOr<std::unique_ptr<TransportServer>> Serve(const TransportShape& shape) const override;
  absl::StatusOr<std::unique_ptr<TransportClient>> Connect(const TransportShape& shape, const std::string& address,
                                                           int client, TransportServer* server) const override;

 private:
  const std::string congestion_control_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_RAW_TCP_H_
