#ifndef DOWNPOUR_SERVER_SERVICE_GRPC_MESSAGE_H_
#define DOWNPOUR_SERVER_SERVICE_GRPC_MESSAGE_H_

#include <optional>

#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/byte_buffer.h"

namespace downpour {

// Protobuf messages as the byte buffers of generic calls; nothing for bytes that are no such message.
template <typename Message>
std::optional<Message> FromByteBuffer(grpc::ByteBuffer buffer) {
  Message message;
  if (!grpc::SerializationTraits<Message>::Deserialize(&buffer, &message).ok()) return std::nullopt;
  return message;
}

template <typename Message>
grpc::ByteBuffer ToByteBuffer(const Message& message) {
  grpc::ByteBuffer buffer;
  bool own = false;
  (void)grpc::SerializationTraits<Message>::Serialize(message, &buffer, &own);
  return buffer;
}

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_GRPC_MESSAGE_H_
