#ifndef DOWNPOUR_COMMON_RPC_GRPC_CHANNEL_H_
#define DOWNPOUR_COMMON_RPC_GRPC_CHANNEL_H_

#include <memory>

#include "absl/status/status.h"
#include "common/rpc/grpc_carrier.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/status.h"

namespace downpour {

// A connection that shares nothing with any other, with the settings that all of ours have.
std::shared_ptr<grpc::Channel> MakeGrpcChannel(const GrpcCarrierOptions& options);

// The same code and message.
absl::Status FromGrpcStatus(const grpc::Status& status);
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_GRPC_CHANNEL_H_
