#ifndef DOWNPOUR_COMMON_RPC_GRPC_CARRIER_H_
#define DOWNPOUR_COMMON_RPC_GRPC_CARRIER_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/rpc/carrier.h"
#include "common/rpc/payload_channel.h"
#include "grpcpp/security/credentials.h"

namespace downpour {

struct GrpcCarrierOptions {
  std::string address;  // "10.0.0.7:7070"
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  // Another name than the address's that the server's certificate is for; tests and tunnels need it.
  std::string tls_server_name = {};

  // A peer that is not heard of is asked for a sign of life after the first, and given up after the second.
  absl::Duration keepalive_period = absl::Seconds(10);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  absl::Duration connect_timeout = absl::Seconds(10);

  // Finds a way beside the stream for payloads; null: there is none. Outlives the carrier.
  ClientPayloadChannels* payload_channels = nullptr;
};

// A server over gRPC. Each exchange is a connection of its own with a completion queue and a thread of its own: sharing
// any of the three costs a third of the throughput. Who wakes a link writes the first message itself; those after it
// are written by the thread, each with what came together meanwhile. Calls of Control have one more connection.
//
// For full speed main sets the process up first (common/rpc/process_settings.h).
class GrpcCarrier final : public Carrier {
 public:
  explicit GrpcCarrier(GrpcCarrierOptions options);
  // Ends what goes on and waits for it.
  ~GrpcCarrier() override;

  std::string_view name() const override { return options_.payload_channels == nullptr ? "grpc" : "shm"; }
  std::string address() const override { return options_.address; }
  ExchangeLimits limits() const override { return {}; }
  std::shared_ptr<ExchangeLink> Connect(std::shared_ptr<ClientEnd> end) override;
  Control& control() override { return *control_; }

 private:
  class Exchanges;

  const GrpcCarrierOptions options_;
  const std::unique_ptr<Control> control_;
  const std::unique_ptr<Exchanges> exchanges_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_GRPC_CARRIER_H_
