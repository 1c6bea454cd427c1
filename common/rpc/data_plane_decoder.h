#ifndef DOWNPOUR_COMMON_RPC_DATA_PLANE_DECODER_H_
#define DOWNPOUR_COMMON_RPC_DATA_PLANE_DECODER_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/sliced_message.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"

// Bytes that a peer sent, to messages of the data plane. No payload is copied: it is given as runs of bytes within the
// received slices, which each piece's `owner` keeps alive.
//
// What is accepted is exactly what protobuf accepts (fields in any order, unknown fields, groups, the last of several
// values, padded varints), within the limits of common/rpc/limits.h. Errors name what is wrong and where:
// INVALID_ARGUMENT for bytes that are no such message, RESOURCE_EXHAUSTED for a message beyond a limit. Whether a piece
// makes sense is not asked here but by CheckPiece, so that one senseless piece is refused on its own and does not end
// the stream.
//
// Memory: what is not payload may be copied once and becomes protobuf objects, at most 32 times as large as itself;
// each entry takes at most 512 bytes more. So a message of 4 MiB never takes more than 20 MiB beside itself.
//
// Thread-safe.

namespace downpour {

absl::StatusOr<SlicedClientMessage> DecodeClientMessage(std::vector<grpc::Slice> slices);
absl::StatusOr<SlicedServerMessage> DecodeServerMessage(std::vector<grpc::Slice> slices);

// The same of what gRPC hands over; the buffer may be cleared afterwards.
absl::StatusOr<SlicedClientMessage> DecodeClientMessage(const grpc::ByteBuffer& buffer);
absl::StatusOr<SlicedServerMessage> DecodeServerMessage(const grpc::ByteBuffer& buffer);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_DATA_PLANE_DECODER_H_
