#ifndef DOWNPOUR_SERVER_SERVICE_WIRE_REFUSAL_H_
#define DOWNPOUR_SERVER_SERVICE_WIRE_REFUSAL_H_

#include <string_view>

#include "proto/data_plane.pb.h"
#include "server/shard/refusal.h"

namespace downpour {

// A shard's refusal as it travels; the message is cut to kRefusalMessageBytesMax.
wire::Refusal ToWire(const Refusal& refusal);

// A refusal that no shard has spoken.
wire::Refusal MakeWireRefusal(wire::Refusal::Reason reason, std::string_view message);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SERVICE_WIRE_REFUSAL_H_
