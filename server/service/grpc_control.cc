#include "server/service/grpc_control.h"

#include <chrono>
#include <utility>

#include "absl/time/time.h"
#include "server/service/grpc_message.h"

namespace downpour {
namespace {

constexpr size_t kWorkMax = 1024;

absl::Duration TimeLeft(const grpc::GenericServerContext& context) {
  return absl::FromChrono(
      std::chrono::duration_cast<std::chrono::nanoseconds>(context.deadline() - std::chrono::system_clock::now()));
}

// A call with one message each way, answered by a method of Control.
template <typename Request, typename Response>
class ControlCall final : public CallHandler {
 public:
  using Method = absl::StatusOr<Response> (Control::*)(const Request&, absl::Duration);

  // `thread`: null for what is quick.
  ControlCall(GrpcCall* call, Control* control, Method method, ControlThread* thread)
      : call_(call), control_(control), method_(method), thread_(thread) {}

  void Begin() override { call_->Read(); }

  void OnRead(grpc::ByteBuffer message) override {
    std::optional<Request> request = FromByteBuffer<Request>(std::move(message));
    if (!request.has_value()) {
      return call_->Finish(absl::InvalidArgumentError("the bytes are no " + Request::descriptor()->full_name()));
    }
    call_->ExpectFinish();
    if (thread_ == nullptr) return Answer(*request);
    if (!thread_->Post([this, request = *std::move(request)] { Answer(request); })) {
      call_->FinishExpected(absl::ResourceExhaustedError("too many control calls wait; send again soon"));
    }
  }

  void OnReadEnd() override { call_->Finish(absl::InvalidArgumentError("a call without a message")); }

 private:
  void Answer(const Request& request) {
    const absl::Duration timeout = TimeLeft(call_->context());
    if (timeout <= absl::ZeroDuration()) {
      return call_->FinishExpected(absl::DeadlineExceededError("the call waited too long for its turn"));
    }
    const absl::StatusOr<Response> response = (control_->*method_)(request, timeout);
    if (!response.ok()) return call_->FinishExpected(response.status());
    call_->WriteAndFinishExpected(ToByteBuffer(*response));
  }

  GrpcCall* const call_;
  Control* const control_;
  const Method method_;
  ControlThread* const thread_;
};

template <typename Request, typename Response>
std::unique_ptr<CallHandler> Make(GrpcCall* call, Control* control,
                                  absl::StatusOr<Response> (Control::*method)(const Request&, absl::Duration),
                                  ControlThread* thread) {
  return std::make_unique<ControlCall<Request, Response>>(call, control, method, thread);
}

}  // namespace

std::unique_ptr<CallHandler> MakeControlCall(const std::string& method, GrpcCall* call, Control* control,
                                             ControlThread* thread) {
  if (method == "/downpour.wire.Control/CreateJob") return Make(call, control, &Control::CreateJob, thread);
  if (method == "/downpour.wire.Control/Join") return Make(call, control, &Control::Join, thread);
  if (method == "/downpour.wire.Control/Leave") return Make(call, control, &Control::Leave, thread);
  if (method == "/downpour.wire.Control/Heartbeat") return Make(call, control, &Control::Heartbeat, nullptr);
  if (method == "/downpour.wire.Control/TakeWork") return Make(call, control, &Control::TakeWork, nullptr);
  if (method == "/downpour.wire.Control/ReportWork") return Make(call, control, &Control::ReportWork, nullptr);
  return nullptr;
}

ControlThread::ControlThread() : thread_([this] { Run(); }) {}

bool ControlThread::Post(std::function<void()> work) {
  MutexLock lock(&mutex_);
  if (stopping_ || work_.size() >= kWorkMax) return false;
  work_.push_back(std::move(work));
  changed_.Signal();
  return true;
}

void ControlThread::Run() {
  while (true) {
    std::function<void()> work;
    {
      MutexLock lock(&mutex_);
      while (work_.empty() && !stopping_) changed_.Wait(&mutex_);
      if (work_.empty()) return;
      work = std::move(work_.front());
      work_.pop_front();
    }
    work();
  }
}

void ControlThread::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace downpour
