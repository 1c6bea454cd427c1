#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_UNARY_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_UNARY_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/service/control_thread.h"
#include "server/service/grpc_call.h"
#include "server/service/grpc_message.h"

namespace downpour {

// A call with one message each way.
template <typename Request, typename Response>
class UnaryCall final : public CallHandler {
 public:
  // `timeout`: what is left of the caller's deadline, more than zero.
  using Answerer = std::function<absl::StatusOr<Response>(const Request&, absl::Duration timeout)>;

  // `thread`: null for what is quick.
  UnaryCall(GrpcCall* call, Answerer answerer, ControlThread* thread)
      : call_(call), answerer_(std::move(answerer)), thread_(thread) {}

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
    const absl::Duration timeout = absl::FromChrono(std::chrono::duration_cast<std::chrono::nanoseconds>(
        call_->context().deadline() - std::chrono::system_clock::now()));
    if (timeout <= absl::ZeroDuration()) {
      return call_->FinishExpected(absl::DeadlineExceededError("the call waited too long for its turn"));
    }
    const absl::StatusOr<Response> response = answerer_(request, timeout);
    if (!response.ok()) return call_->FinishExpected(response.status());
    call_->WriteAndFinishExpected(ToByteBuffer(*response));
  }

  GrpcCall* const call_;
  const Answerer answerer_;
  ControlThread* const thread_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_UNARY_H_
