#ifndef DOWNPOUR_COMMON_RPC_DATA_PLANE_ENCODER_H_
#define DOWNPOUR_COMMON_RPC_DATA_PLANE_ENCODER_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "common/rpc/sliced_message.h"
#include "grpcpp/support/slice.h"

// Messages of the data plane to the slices that gRPC sends: grpc::ByteBuffer(slices.data(), slices.size()).
//
// Byte for byte what protobuf would serialise (docs/data-plane.md, canonical encoding), except that unknown fields come
// before the pieces and payloads. A payload is not copied: the slices refer to it, and keep a copy of its piece's
// `owner` until gRPC has let go of the last of them, on whatever thread that is; what the owner then runs must not
// block. Only payloads of up to kCopiedPayloadBytesMax are copied, being cheaper to copy than to refer to.
//
// INVALID_ARGUMENT, and nothing else, where the message is beyond the limits of common/rpc/limits.h, or where a header
// has a payload or the rest has pieces: a fault of the caller. Strings must be UTF-8.
//
// Thread-safe.

namespace downpour {

inline constexpr size_t kCopiedPayloadBytesMax = 1024;

absl::StatusOr<std::vector<grpc::Slice>> EncodeClientMessage(const SlicedClientMessage& message);
absl::StatusOr<std::vector<grpc::Slice>> EncodeServerMessage(const SlicedServerMessage& message);

// How many bytes a piece adds to a message, for who packs several into one.
size_t EncodedSize(const SlicedPushPiece& piece);
size_t EncodedSize(const SlicedWeightsPiece& piece);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_DATA_PLANE_ENCODER_H_
