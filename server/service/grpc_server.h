#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_SERVER_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/authorizer.h"
#include "common/rpc/control.h"
#include "common/rpc/exchange.h"
#include "common/rpc/payload_channel.h"
#include "common/rpc/status_source.h"
#include "grpcpp/security/server_credentials.h"

namespace downpour {

struct GrpcServerOptions {
  std::string listen = "127.0.0.1:0";

  // Null: plaintext, which only a loopback address may have unless `allow_plaintext` says otherwise.
  std::shared_ptr<grpc::ServerCredentials> credentials;
  bool allow_plaintext = false;

  // Asked for each call; null: everybody may do everything.
  std::shared_ptr<const Authorizer> authorizer;

  // Answers Status and Admin; null: those are not served. Outlives the server.
  StatusSource* status = nullptr;

  // By which payloads may travel beside the streams; null: all go by the streams. Outlives the server.
  ServerPayloadChannels* payload_channels = nullptr;

  size_t connections_max = 1024;

  // What gRPC may hold of received bytes, over all connections, up to when what came is let go; 0: no limit. When it
  // has more it ends streams until it has not: gRPC 1.51 puts a message together before it looks at the limit of one,
  // so nothing else keeps a peer from filling the memory. To be more than what the host keeps of received pushes.
  size_t received_bytes_max = 0;

  // Completion queues, each with a thread. A connection belongs to one of them, in turn, so with as many as there are
  // busy connections, each works on a core of its own choice, and the bytes that it received stay in that core's cache.
  // 0: twice the number of cores, and at least 16.
  size_t threads = 0;
};

// DataPlane, Control and gRPC's health service on a port. All connections come by a gate of our own
// (connection_gate.h). Thread-safe but for Shutdown, which one thread may call.
class GrpcServer {
 public:
  // Serves from the moment this returns; health says "not serving" until SetServing(true). `control` and `host` outlive
  // the server. FAILED_PRECONDITION for plaintext where it is not allowed; UNAVAILABLE where the port is taken.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(const GrpcServerOptions& options, Control* control,
                                                           ExchangeHost* host);
  virtual ~GrpcServer() = default;

  virtual const std::string& address() const = 0;  // with the port that was chosen
  virtual int port() const = 0;

  virtual void SetServing(bool serving) = 0;

  // No new connections; waits for calls to end, at most for `patience`, then ends them. Idempotent; the destructor does
  // it without patience.
  virtual void Shutdown(absl::Duration patience) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_SERVER_H_
