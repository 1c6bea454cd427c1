// The messages of proto/data_plane.proto with their payloads left where they are: what the encoder takes and the
// decoder gives. Everything but a payload is an ordinary protobuf object.
#ifndef DOWNPOUR_COMMON_RPC_SLICED_MESSAGE_H_
#define DOWNPOUR_COMMON_RPC_SLICED_MESSAGE_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "proto/data_plane.pb.h"

namespace downpour {

// The bytes of a payload in order: runs of any length and alignment; an element may straddle two. None for an empty
// one.
using PayloadRuns = absl::InlinedVector<absl::Span<const std::byte>, 2>;

inline size_t ByteCount(const PayloadRuns& runs) {
  size_t bytes = 0;
  for (const absl::Span<const std::byte> run : runs) bytes += run.size();
  return bytes;
}

// A wire::PushPiece or wire::WeightsPiece.
template <typename Header>
struct SlicedPiece {
  Header header;  // all fields but `payload`, which stays empty here
  PayloadRuns payload;

  // Keeps what `payload` points to alive while a copy of it is held. Of a decoded piece: all slices of its message.
  std::shared_ptr<const void> owner;
};
using SlicedPushPiece = SlicedPiece<wire::PushPiece>;
using SlicedWeightsPiece = SlicedPiece<wire::WeightsPiece>;

// A wire::ClientMessage or wire::ServerMessage.
template <typename Rest, typename Header>
struct SlicedMessage {
  Rest rest;  // all fields but the pieces, of which there are none here
  std::vector<SlicedPiece<Header>> pieces;
};
using SlicedClientMessage = SlicedMessage<wire::ClientMessage, wire::PushPiece>;
using SlicedServerMessage = SlicedMessage<wire::ServerMessage, wire::WeightsPiece>;

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SLICED_MESSAGE_H_
