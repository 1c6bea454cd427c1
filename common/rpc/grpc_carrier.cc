#include "common/rpc/grpc_carrier.h"

#include <chrono>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/grpc_channel.h"
#include "common/rpc/grpc_client_exchange.h"
#include "grpcpp/client_context.h"
#include "proto/control.grpc.pb.h"

namespace downpour {
namespace {

class GrpcControl final : public Control {
 public:
  explicit GrpcControl(const GrpcCarrierOptions& options) : options_(options) {}

  absl::StatusOr<wire::CreateJobResponse> CreateJob(const wire::CreateJobRequest& request,
                                                    absl::Duration timeout) override {
    return Call<wire::CreateJobResponse>(&wire::Control::Stub::CreateJob, request, timeout);
  }
  absl::StatusOr<wire::JoinResponse> Join(const wire::JoinRequest& request, absl::Duration timeout) override {
    return Call<wire::JoinResponse>(&wire::Control::Stub::Join, request, timeout);
  }
  absl::StatusOr<wire::LeaveResponse> Leave(const wire::LeaveRequest& request, absl::Duration timeout) override {
    return Call<wire::LeaveResponse>(&wire::Control::Stub::Leave, request, timeout);
  }
  absl::StatusOr<wire::HeartbeatResponse> Heartbeat(const wire::HeartbeatRequest& request,
                                                    absl::Duration timeout) override {
    return Call<wire::HeartbeatResponse>(&wire::Control::Stub::Heartbeat, request, timeout);
  }
  absl::StatusOr<wire::TakeWorkResponse> TakeWork(const wire::TakeWorkRequest& request,
                                                  absl::Duration timeout) override {
    return Call<wire::TakeWorkResponse>(&wire::Control::Stub::TakeWork, request, timeout);
  }
  absl::StatusOr<wire::ReportWorkResponse> ReportWork(const wire::ReportWorkRequest& request,
                                                      absl::Duration timeout) override {
    return Call<wire::ReportWorkResponse>(&wire::Control::Stub::ReportWork, request, timeout);
  }

 private:
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Call(Method method, const Request& request, absl::Duration timeout) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
    Response response;
    const std::shared_ptr<wire::Control::Stub> stub = GetStub();
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) Forget(stub);
    if (!status.ok()) return FromGrpcStatus(status);
    return response;
  }

  std::shared_ptr<wire::Control::Stub> GetStub() {
    MutexLock lock(&mutex_);
    if (stub_ == nullptr) stub_ = wire::Control::NewStub(MakeGrpcChannel(options_));
    return stub_;
  }

  // A channel that could not connect tries again when it sees fit, up to 9 seconds after the server is there, whatever
  // its options say. A new one tries at once, and who calls again has waited already.
  void Forget(const std::shared_ptr<wire::Control::Stub>& stub) {
    MutexLock lock(&mutex_);
    if (stub_ == stub) stub_ = nullptr;
  }

  const GrpcCarrierOptions options_;
  Mutex mutex_;
  std::shared_ptr<wire::Control::Stub> stub_ DP_GUARDED_BY(mutex_);
};

}  // namespace

// Those that go on, and those whose threads have not been joined.
class GrpcCarrier::Exchanges {
 public:
  void Add(std::shared_ptr<GrpcClientExchange> exchange) {
    std::vector<std::shared_ptr<GrpcClientExchange>> over;
    {
      MutexLock lock(&mutex_);
      for (size_t i = 0; i < all_.size();) {
        if (all_[i]->over()) {
          over.push_back(std::move(all_[i]));
          all_[i] = std::move(all_.back());
          all_.pop_back();
        } else {
          ++i;
        }
      }
      all_.push_back(std::move(exchange));
    }
    for (const std::shared_ptr<GrpcClientExchange>& exchange : over) exchange->Join();
  }

  void EndAll() {
    std::vector<std::shared_ptr<GrpcClientExchange>> all;
    {
      MutexLock lock(&mutex_);
      all.swap(all_);
    }
    for (const std::shared_ptr<GrpcClientExchange>& exchange : all) {
      exchange->Finish(absl::CancelledError("the carrier has ended"));
    }
    for (const std::shared_ptr<GrpcClientExchange>& exchange : all) exchange->Join();
  }

 private:
  Mutex mutex_;
  std::vector<std::shared_ptr<GrpcClientExchange>> all_ DP_GUARDED_BY(mutex_);
};

GrpcCarrier::GrpcCarrier(GrpcCarrierOptions options)
    : options_(std::move(options)),
      control_(std::make_unique<GrpcControl>(options_)),
      exchanges_(std::make_unique<Exchanges>()) {}

GrpcCarrier::~GrpcCarrier() { exchanges_->EndAll(); }

std::shared_ptr<ExchangeLink> GrpcCarrier::Connect(std::shared_ptr<ClientEnd> end) {
  auto exchange = std::make_shared<GrpcClientExchange>(options_, std::move(end));
  GrpcClientExchange::Start(exchange);
  exchanges_->Add(exchange);
  return exchange;
}

}  // namespace downpour
