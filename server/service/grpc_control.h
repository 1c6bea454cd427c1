#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_CONTROL_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_CONTROL_H_

#include <memory>
#include <string>

#include "common/rpc/control.h"
#include "server/service/control_thread.h"
#include "server/service/grpc_call.h"

namespace downpour {

// The handler of a call of the service Control; null for a method that it does not have.
std::unique_ptr<CallHandler> MakeControlCall(const std::string& method, GrpcCall* call, Control* control,
                                             ControlThread* thread);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_CONTROL_H_
