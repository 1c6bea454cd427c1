#include "server/service/grpc_control.h"

#include "server/service/grpc_unary.h"

namespace downpour {
namespace {

template <typename Request, typename Response>
std::unique_ptr<CallHandler> Make(GrpcCall* call, Control* control,
                                  absl::StatusOr<Response> (Control::*method)(const Request&, absl::Duration),
                                  ControlThread* thread) {
  const auto answer = [control, method](const Request& request, absl::Duration timeout) {
    return (control->*method)(request, timeout);
  };
  return std::make_unique<UnaryCall<Request, Response>>(call, answer, thread);
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

}  // namespace downpour
