// Payloads that travel beside a stream instead of on it (in shared memory, where both ends are on one host). The stream
// keeps everything else: its order, its flow, its end. A gRPC exchange that has a channel passes each message through
// it right before encoding and right after decoding; one that has none is plain gRPC.
//
// How two ends find that they share a host: the client's PayloadChannels may say something in the metadata of the
// stream (a token, the path of a socket), and the server's answers to it. A channel that is not sure yet leaves the
// payloads where they are, which is always right.
#ifndef DOWNPOUR_COMMON_RPC_PAYLOAD_CHANNEL_H_
#define DOWNPOUR_COMMON_RPC_PAYLOAD_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/sliced_message.h"

namespace downpour {

// The channel of one exchange at one end. Detach and Attach may be called at the same time as each other, but each by
// one thread at a time. Destroyed when the exchange is over; payloads that it has attached may live longer than it
// does, each by its piece's `owner`.
template <typename Out, typename In>
class PayloadChannel {
 public:
  virtual ~PayloadChannel() = default;

  // Before `message` is encoded: moves payloads that go beside the stream out of it and puts a reference in their place
  // (a field of the piece's header). Never waits: where there is no room, the payload stays. An error ends the stream.
  virtual absl::Status Detach(Out* message) = 0;

  // After `message` was decoded, before anybody has looked at it: puts the payloads back that the peer has moved out,
  // each with an owner that gives its place back when it is let go. A reference that is no good is an error, which ends
  // the stream: only a peer that is broken or hostile sends one.
  virtual absl::Status Attach(In* message) = 0;

  // To which it may raise `bytes_in_flight_max` of a server's hello that it detaches; 0: it leaves that as it is.
  virtual uint64_t bytes_in_flight_raised() const { return 0; }
};
using ClientPayloadChannel = PayloadChannel<SlicedClientMessage, SlicedServerMessage>;
using ServerPayloadChannel = PayloadChannel<SlicedServerMessage, SlicedClientMessage>;

// Of a stream, as the client opens it: keys in lower case, a key with binary values ends in "-bin".
using StreamMetadata = std::vector<std::pair<std::string, std::string>>;

// The client's side of the finding; one for each carrier. Thread-safe.
class ClientPayloadChannels {
 public:
  virtual ~ClientPayloadChannels() = default;

  // For a new stream: adds to `metadata` what the server must know. Null: there is no shared memory with this server,
  // the stream is plain. May take some milliseconds, and is called on the stream's own thread.
  virtual std::unique_ptr<ClientPayloadChannel> Open(StreamMetadata* metadata) = 0;
};

// The server's side; one for each server. Thread-safe.
class ServerPayloadChannels {
 public:
  virtual ~ServerPayloadChannels() = default;

  // For a stream that a client has opened. Null: plain. An error ends the stream with it.
  virtual absl::StatusOr<std::unique_ptr<ServerPayloadChannel>> Accept(const StreamMetadata& metadata) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_PAYLOAD_CHANNEL_H_
