#include "server/service/grpc_health.h"

#include <optional>
#include <utility>

#include "proto/health.pb.h"
#include "server/service/grpc_message.h"

namespace downpour {
namespace {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

bool IsOurs(const std::string& service) {
  return service.empty() || service == "downpour.wire.DataPlane" || service == "downpour.wire.Control" ||
         service == "downpour.wire.Status";
}

absl::Status NoRequest() { return absl::InvalidArgumentError("the bytes are no grpc.health.v1.HealthCheckRequest"); }

grpc::ByteBuffer Response(HealthCheckResponse::ServingStatus status) {
  HealthCheckResponse response;
  response.set_status(status);
  return ToByteBuffer(response);
}

}  // namespace

class HealthCheck final : public CallHandler {
 public:
  HealthCheck(GrpcCall* call, const GrpcHealth* health) : call_(call), health_(health) {}

  void Begin() override { call_->Read(); }
  void OnReadEnd() override { call_->Finish(NoRequest()); }
  void OnRead(grpc::ByteBuffer message) override {
    const auto request = FromByteBuffer<HealthCheckRequest>(std::move(message));
    if (!request.has_value()) return call_->Finish(NoRequest());
    if (!IsOurs(request->service())) {
      return call_->Finish(absl::NotFoundError("this server has no service of that name"));
    }
    call_->ExpectFinish();
    call_->WriteAndFinishExpected(
        Response(health_->serving() ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING));
  }

 private:
  GrpcCall* const call_;
  const GrpcHealth* const health_;
};

class HealthWatch final : public CallHandler {
 public:
  HealthWatch(GrpcCall* call, GrpcHealth* health) : call_(call), health_(health) {}

  void Begin() override { call_->Read(); }
  void OnReadEnd() override {
    if (!reading_) return;
    call_->Finish(NoRequest());
    finished_ = true;
  }
  void OnRead(grpc::ByteBuffer message) override {
    const auto request = FromByteBuffer<HealthCheckRequest>(std::move(message));
    reading_ = false;
    if (!request.has_value()) {
      finished_ = true;
      return call_->Finish(NoRequest());
    }
    ours_ = IsOurs(request->service());
    {
      MutexLock lock(&health_->mutex_);
      health_->watching_.insert(call_);
    }
    Tell();
  }
  void OnWritten(bool ok) override {
    writing_ = false;
    if (ok) Tell();
  }
  void OnWake() override {
    if (!reading_) Tell();
  }
  void OnOver(bool) override {
    MutexLock lock(&health_->mutex_);
    health_->watching_.erase(call_);
  }

 private:
  void Tell() {
    if (writing_ || finished_ || call_->over()) return;
    HealthCheckResponse::ServingStatus status = HealthCheckResponse::SERVICE_UNKNOWN;
    bool stopped = false;
    {
      MutexLock lock(&health_->mutex_);
      stopped = health_->stopped_;
      if (ours_) status = health_->serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
    }
    if (status != told_) {
      told_ = status;
      writing_ = true;
      return call_->Write(Response(status));
    }
    if (!stopped) return;
    finished_ = true;
    call_->Finish(absl::UnavailableError("the server is shutting down"));
  }

  GrpcCall* const call_;
  GrpcHealth* const health_;
  bool reading_ = true;
  bool writing_ = false;
  bool finished_ = false;
  bool ours_ = false;
  std::optional<HealthCheckResponse::ServingStatus> told_;
};

void GrpcHealth::SetServing(bool serving) {
  MutexLock lock(&mutex_);
  serving_ = serving;
  for (GrpcCall* call : watching_) call->Wake();
}

void GrpcHealth::Stop() {
  MutexLock lock(&mutex_);
  serving_ = false;
  stopped_ = true;
  for (GrpcCall* call : watching_) call->Wake();
}

bool GrpcHealth::serving() const {
  MutexLock lock(&mutex_);
  return serving_;
}

std::unique_ptr<CallHandler> GrpcHealth::MakeCall(const std::string& method, GrpcCall* call) {
  if (method == "/grpc.health.v1.Health/Check") return std::make_unique<HealthCheck>(call, this);
  if (method == "/grpc.health.v1.Health/Watch") return std::make_unique<HealthWatch>(call, this);
  return nullptr;
}

}  // namespace downpour
