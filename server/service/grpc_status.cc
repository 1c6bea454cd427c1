#include "server/service/grpc_status.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "server/service/grpc_message.h"
#include "server/service/grpc_unary.h"

namespace downpour {
namespace {

// Answered from memory.
template <typename Request, typename Response>
std::unique_ptr<CallHandler> Make(GrpcCall* call, StatusSource* source,
                                  absl::StatusOr<Response> (StatusSource::*method)(const Request&)) {
  const auto answer = [source, method](const Request& request, absl::Duration) { return (source->*method)(request); };
  return std::make_unique<UnaryCall<Request, Response>>(call, answer, nullptr);
}

}  // namespace

class StatusWatch final : public CallHandler {
 public:
  StatusWatch(GrpcCall* call, GrpcStatus* status) : call_(call), status_(status) {}

  void Begin() override { call_->Read(); }
  void OnReadEnd() override {
    if (!request_.has_value()) Finish(absl::InvalidArgumentError("a call without a message"));
  }
  void OnRead(grpc::ByteBuffer message) override {
    request_ = FromByteBuffer<wire::WatchRequest>(std::move(message));
    if (!request_.has_value()) return Finish(absl::InvalidArgumentError("the bytes are no downpour.wire.WatchRequest"));
    status_->Add(call_, WatchPeriod(*request_));
    due_ = true;
    Tell();
  }
  void OnWritten(bool ok) override {
    writing_ = false;
    if (ok) Tell();
  }
  void OnWake() override {
    due_ = true;
    Tell();
  }
  void OnOver(bool) override { status_->Remove(call_); }

 private:
  // Whoever reads too slowly misses reports, and is told the newest.
  void Tell() {
    if (!due_ || writing_ || finished_ || call_->over() || !request_.has_value()) return;
    if (status_->stopping()) return Finish(absl::UnavailableError("the server is shutting down"));
    due_ = false;
    writing_ = true;
    call_->Write(ToByteBuffer(status_->source_->Describe(request_->what())));
  }
  void Finish(absl::Status status) {
    if (finished_) return;
    finished_ = true;
    call_->Finish(std::move(status));
  }

  GrpcCall* const call_;
  GrpcStatus* const status_;
  std::optional<wire::WatchRequest> request_;
  bool due_ = false;
  bool writing_ = false;
  bool finished_ = false;
};

std::unique_ptr<CallHandler> GrpcStatus::MakeCall(const std::string& method, GrpcCall* call) {
  if (method == "/downpour.wire.Status/Get") {
    const auto answer = [this](const wire::StatusRequest& request, absl::Duration) {
      return source_->Describe(request);
    };
    return std::make_unique<UnaryCall<wire::StatusRequest, wire::StatusReport>>(call, answer, nullptr);
  }
  if (method == "/downpour.wire.Status/Watch") return std::make_unique<StatusWatch>(call, this);
  if (method == "/downpour.wire.Admin/StopJob") return Make(call, source_, &StatusSource::StopJob);
  if (method == "/downpour.wire.Admin/DrainWorker") return Make(call, source_, &StatusSource::DrainWorker);
  if (method == "/downpour.wire.Admin/Shutdown") return Make(call, source_, &StatusSource::Shutdown);
  return nullptr;
}

bool GrpcStatus::stopping() const {
  MutexLock lock(&mutex_);
  return stopping_;
}

void GrpcStatus::Add(GrpcCall* call, absl::Duration period) {
  MutexLock lock(&mutex_);
  watchers_[call] = {.period = period, .due = SteadyClock::Get().Now() + period};
  if (!waker_.joinable() && !stopping_) waker_ = std::thread([this] { WakeThemInTime(); });
  changed_.SignalAll();
}

void GrpcStatus::Remove(GrpcCall* call) {
  MutexLock lock(&mutex_);
  watchers_.erase(call);
}

void GrpcStatus::WakeThemInTime() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    const absl::Duration now = SteadyClock::Get().Now();
    absl::Duration next = absl::InfiniteDuration();
    for (auto& [call, watcher] : watchers_) {
      if (watcher.due <= now) {
        watcher.due = now + watcher.period;
        call->Wake();
      }
      next = std::min(next, watcher.due);
    }
    if (next == absl::InfiniteDuration()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitFor(&mutex_, std::max(next - SteadyClock::Get().Now(), absl::Milliseconds(1)));
    }
  }
}

void GrpcStatus::Stop() {
  std::thread waker;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    for (auto& [call, watcher] : watchers_) call->Wake();
    changed_.SignalAll();
    std::swap(waker, waker_);
  }
  if (waker.joinable()) waker.join();
}

}  // namespace downpour
