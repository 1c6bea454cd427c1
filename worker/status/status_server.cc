#include "worker/status/status_server.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/rpc/security/credentials.h"
#include "common/rpc/status_source.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "proto/status.grpc.pb.h"

namespace downpour {
namespace {

constexpr int kRequestBytesMax = 64 << 10;
constexpr int kStreamsMax = 16;  // of one connection
// Each Watch keeps one thread.
constexpr int kThreadsMax = 16;

SecurityOptions AsServer(SecurityOptions security) {
  // A CA to know servers by, and no certificate of its own.
  if (security.cert_file.empty()) {
    return SecurityOptions{.insecure_allow_plaintext = security.insecure_allow_plaintext};
  }
  if (!security.client_cert_auth) security.trusted_ca_file.clear();
  return security;
}

class Server final : public StatusServer, private wire::Status::Service {
 public:
  explicit Server(Options options) : options_(std::move(options)) {}

  ~Server() override {
    {
      MutexLock lock(&mutex_);
      ending_ = true;
      changed_.SignalAll();
    }
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  }

  absl::Status Start() {
    const SecurityOptions security = AsServer(options_.security);
    DP_RETURN_IF_ERROR(CheckServerOptions(security));
    if (!security.tls()) DP_RETURN_IF_ERROR(CheckAddress(options_.listen, security));
    authorizer_ = MakeAuthorizer(security);
    std::shared_ptr<grpc::ServerCredentials> credentials = grpc::InsecureServerCredentials();
    if (security.tls()) {
      DP_ASSIGN_OR_RETURN(credentials, MakeServerCredentials(security, authorizer_));
    }
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options_.listen, std::move(credentials), &port_);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsMax);
    builder.SetMaxReceiveMessageSize(kRequestBytesMax);
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 2);
    grpc::ResourceQuota quota("status");
    quota.SetMaxThreads(kThreadsMax);
    builder.SetResourceQuota(quota);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen at ", options_.listen, " to tell the status: is the port taken?"));
    }
    return absl::OkStatus();
  }

  int port() const override { return port_; }

 private:
  grpc::Status Get(grpc::ServerContext*, const wire::StatusRequest* request, wire::StatusReport* report) override {
    *report = options_.describe(*request);
    return grpc::Status::OK;
  }

  grpc::Status Watch(grpc::ServerContext* context, const wire::WatchRequest* request,
                     grpc::ServerWriter<wire::StatusReport>* writer) override {
    const absl::Duration period = WatchPeriod(*request);
    MutexLock lock(&mutex_);
    while (!ending_ && !context->IsCancelled()) {
      mutex_.Unlock();
      const bool written = writer->Write(options_.describe(request->what()));
      mutex_.Lock();
      if (!written) break;
      if (!ending_) changed_.WaitFor(&mutex_, period);
    }
    return grpc::Status::OK;
  }

  const Options options_;
  std::shared_ptr<const Authorizer> authorizer_;
  int port_ = 0;
  Mutex mutex_;
  CondVar changed_;
  bool ending_ DP_GUARDED_BY(mutex_) = false;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StatusServer>> StatusServer::Start(Options options) {
  auto server = std::make_unique<Server>(std::move(options));
  DP_RETURN_IF_ERROR(server->Start());
  return std::unique_ptr<StatusServer>(std::move(server));
}

}  // namespace downpour
