#include "server/service/grpc_server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "common/rpc/limits.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/resource_quota.h"
#include "server/service/connection_gate.h"
#include "server/service/grpc_call.h"
#include "server/service/grpc_control.h"
#include "server/service/grpc_exchange.h"
#include "server/service/grpc_health.h"
#include "server/service/grpc_status.h"
#include "server/service/listen_socket.h"

namespace downpour {
namespace {

constexpr size_t kThreadsMin = 16;
// Calls that may arrive at a queue before its thread has looked.
constexpr int kAwaitedCalls = 4;

constexpr int kStreamsMax = 100;  // of one connection: a worker needs one, and control calls beside it
constexpr int kKeepaliveMilliseconds = 20'000;
constexpr int kKeepaliveTimeoutMilliseconds = 20'000;
constexpr int kPingIntervalMinMilliseconds = 1'000;  // of clients; gRPC's own limit of 5 minutes sends GOAWAY
constexpr int kHandshakeMilliseconds = 10'000;

// Ends a call with a status.
class RefusedCall final : public CallHandler {
 public:
  RefusedCall(GrpcCall* call, absl::Status status) : call_(call), status_(std::move(status)) {}
  void Begin() override { call_->Finish(status_); }

 private:
  GrpcCall* const call_;
  const absl::Status status_;
};

void Configure(grpc::ServerBuilder* builder) {
  builder->SetMaxReceiveMessageSize(kMessageBytesMax);
  builder->SetMaxSendMessageSize(kMessageBytesMax);
  // Compressed bytes would be inflated by whoever looks at them, without a limit.
  builder->SetDefaultCompressionAlgorithm(GRPC_COMPRESS_NONE);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder->SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder->AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsMax);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMilliseconds);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMilliseconds);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMilliseconds);
}

class Server final : public GrpcServer, private CallRouter {
 public:
  Server(const GrpcServerOptions& options, Control* control, ExchangeHost* host)
      : authorizer_(options.authorizer),
        channels_(options.payload_channels),
        control_(control),
        host_(host),
        status_(options.status == nullptr ? nullptr : std::make_unique<GrpcStatus>(options.status)) {}
  ~Server() override { Shutdown(absl::ZeroDuration()); }

  absl::Status Start(const GrpcServerOptions& options, ListenSocket socket);

  const std::string& address() const override { return address_; }
  int port() const override { return port_; }
  void SetServing(bool serving) override { health_.SetServing(serving); }
  void Shutdown(absl::Duration patience) override;

 private:
  std::unique_ptr<CallHandler> Route(GrpcCall* call) override;

  const std::shared_ptr<const Authorizer> authorizer_;
  ServerPayloadChannels* const channels_;
  Control* const control_;
  ExchangeHost* const host_;
  std::string address_;
  int port_ = 0;

  GrpcHealth health_;
  std::unique_ptr<GrpcStatus> status_;  // null: not served
  ControlThread control_thread_;
  grpc::AsyncGenericService service_;
  std::atomic<int> live_calls_{0};
  std::vector<std::unique_ptr<GrpcQueue>> queues_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::thread> threads_;
  std::unique_ptr<ConnectionGate> gate_;
};

absl::Status Server::Start(const GrpcServerOptions& options, ListenSocket socket) {
  grpc::ServerBuilder builder;
  Configure(&builder);
  if (options.received_bytes_max > 0) {
    builder.SetResourceQuota(grpc::ResourceQuota("received").Resize(options.received_bytes_max));
  }
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      options.credentials != nullptr ? options.credentials : grpc::InsecureServerCredentials());
  builder.RegisterAsyncGenericService(&service_);
  const size_t threads =
      options.threads > 0 ? options.threads : std::max<size_t>(kThreadsMin, 2 * std::thread::hardware_concurrency());
  for (size_t i = 0; i < threads; ++i) {
    queues_.push_back(std::make_unique<GrpcQueue>());
    queues_.back()->service = &service_;
    queues_.back()->router = this;
    queues_.back()->live_calls = &live_calls_;
    queues_.back()->queue = builder.AddCompletionQueue();
  }
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return absl::InternalError("gRPC does not start; its log says why");
  for (const std::unique_ptr<GrpcQueue>& queue : queues_) {
    for (int i = 0; i < kAwaitedCalls; ++i) GrpcCall::Await(queue.get());
    threads_.emplace_back([&queue = *queue] { queue.Run(); });
  }

  address_ = socket.address();
  port_ = socket.port();
  ConnectionGate::Options gate;
  gate.connections_max = options.connections_max;
  if (options.credentials == nullptr) {
    gate.goodbye = ConnectionGate::Http2Goodbye("the server has all the connections it may have; try again later");
  }
  gate_ = std::make_unique<ConnectionGate>(std::move(socket), gate, [this](int listener_fd, int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = listener_fd;
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
  });
  return absl::OkStatus();
}

std::unique_ptr<CallHandler> Server::Route(GrpcCall* call) {
  const std::string& method = call->method();
  if (authorizer_ != nullptr) {
    const std::shared_ptr<const grpc::AuthContext> peer = call->context().auth_context();
    if (absl::Status status = authorizer_->Authorize(method, *peer); !status.ok()) {
      return std::make_unique<RefusedCall>(call, std::move(status));
    }
  }
  if (method == "/downpour.wire.DataPlane/Exchange") return std::make_unique<GrpcExchange>(call, host_, channels_);
  if (auto handler = MakeControlCall(method, call, control_, &control_thread_)) return handler;
  if (auto handler = health_.MakeCall(method, call)) return handler;
  if (status_ != nullptr) {
    if (auto handler = status_->MakeCall(method, call)) return handler;
  }
  return std::make_unique<RefusedCall>(call, absl::UnimplementedError(absl::StrCat("there is no method ", method)));
}

void Server::Shutdown(absl::Duration patience) {
  if (gate_ != nullptr) gate_->Stop();
  health_.Stop();
  if (status_ != nullptr) status_->Stop();
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(patience));
  control_thread_.Stop();
  // Whoever wakes a call needs its queue.
  while (live_calls_.load(std::memory_order_acquire) > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (const std::unique_ptr<GrpcQueue>& queue : queues_) queue->queue->Shutdown();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  server_.reset();
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcServerOptions& options, Control* control,
                                                              ExchangeHost* host) {
  DP_ASSIGN_OR_RETURN(const ListenAddress address, ListenAddress::Parse(options.listen));
  DP_ASSIGN_OR_RETURN(ListenSocket socket, ListenSocket::Open(address));
  if (!socket.loopback() && options.credentials == nullptr && !options.allow_plaintext) {
    return absl::FailedPreconditionError(
        absl::StrCat("listening at ", socket.address(),
                     " without TLS would let everybody on the network read and write the model: give it a certificate "
                     "(--cert_file, --key_file), listen at 127.0.0.1, or say --insecure_allow_plaintext"));
  }
  auto server = std::make_unique<Server>(options, control, host);
  DP_RETURN_IF_ERROR(server->Start(options, std::move(socket)));
  return std::unique_ptr<GrpcServer>(std::move(server));
}

}  // namespace downpour
