// What encoder and decoder have to know of the two messages of the data plane.
#ifndef DOWNPOUR_COMMON_RPC_SLICED_FORMAT_H_
#define DOWNPOUR_COMMON_RPC_SLICED_FORMAT_H_

#include <cstdint>

#include "common/rpc/sliced_message.h"

namespace downpour {

struct ClientFormat {
  using Message = SlicedClientMessage;
  using Piece = SlicedPushPiece;
  static constexpr char kName[] = "client message";
  static constexpr uint32_t kPiecesField = wire::ClientMessage::kPushesFieldNumber;
  static constexpr uint32_t kPayloadField = wire::PushPiece::kPayloadFieldNumber;
  static int PieceCount(const wire::ClientMessage& message) { return message.pushes_size(); }
};

struct ServerFormat {
  using Message = SlicedServerMessage;
  using Piece = SlicedWeightsPiece;
  static constexpr char kName[] = "server message";
  static constexpr uint32_t kPiecesField = wire::ServerMessage::kWeightsFieldNumber;
  static constexpr uint32_t kPayloadField = wire::WeightsPiece::kPayloadFieldNumber;
  static int PieceCount(const wire::ServerMessage& message) { return message.weights_size(); }
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_SLICED_FORMAT_H_
