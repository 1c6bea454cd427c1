// One exchange: the stream between one worker and one server (proto/data_plane.proto), without a word on how its
// messages travel. What either side says and understands is an ExchangeEnd; a carrier (in-process, gRPC, gRPC with the
// payload in shared memory) brings the messages of one end to the other. So the protocol is written once for each side,
// and every carrier has the same semantics.
#ifndef DOWNPOUR_COMMON_RPC_EXCHANGE_H_
#define DOWNPOUR_COMMON_RPC_EXCHANGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/limits.h"
#include "common/rpc/sliced_message.h"

namespace downpour {

// What an end asks of the carrier that drives it. Thread-safe. Of a server's end: valid until its Closed() has
// returned, and calls no end from within, so locks may be held. Of a client's end: does nothing once Closed() has
// begun, may be held for as long as the carrier lives, and may drive both ends before it returns (in-process): hold no
// locks.
class ExchangeLink {
 public:
  // Next() has, or may have, something to send. From any thread, also from within a call of the end; never waits, and
  // costs little when it is said often.
  virtual void Wake() = 0;

  // This end has nothing more to ask: when Next() has nothing left the stream is half-closed (client), or ended with
  // `status` (server). A client with a status that is not OK gives up the stream at once. From any thread, never waits;
  // the first status counts, but a client may still give up after OK.
  virtual void Finish(absl::Status status) = 0;

 protected:
  ~ExchangeLink() = default;
};

// How a carrier wants the messages that it sends.
struct ExchangeLimits {
  size_t piece_bytes = kPieceBytes;          // payload of one large piece, which has a message of its own
  size_t coalesced_bytes = kCoalescedBytes;  // small pieces share a message up to this

  // What has been received may be kept for as long as need be (a push that waits for its batch); false: the carrier has
  // little room, so what has to wait is copied.
  bool received_may_stay = true;

  // To which the carrier may raise `bytes_in_flight_max` of the server's hello, since it has memory of its own for
  // payloads; 0: it leaves that as it is.
  uint64_t bytes_in_flight_raised = 0;
};

// One end of an exchange. Its carrier calls the methods below one at a time, from whatever threads.
template <typename In, typename Out>
class ExchangeEnd {
 public:
  virtual ~ExchangeEnd() = default;

  // A message of the other end. May do the work that it asks for, but waits for nobody. Payloads lie wherever the
  // carrier has them; each piece's `owner` keeps its own, and is let go as soon as may be: a carrier may have no more
  // room to receive before that.
  virtual void Receive(In message) = 0;

  // The other end has nothing more to ask.
  virtual void ReceivedLast() = 0;

  // Fills `message` with the next to send, the most urgent first; false: nothing to send now, and Wake() will be called
  // when there is. Called when the carrier can take a message, so what waits meanwhile can be put together.
  virtual bool Next(Out* message) = 0;

  // The exchange is over, with OK where both ends had finished. The last call.
  virtual void Closed(const absl::Status& status) = 0;
};
using ServerEnd = ExchangeEnd<SlicedClientMessage, SlicedServerMessage>;
using ClientEnd = ExchangeEnd<SlicedServerMessage, SlicedClientMessage>;

// ---- The server's side

// Who is at the other end of a connection, as far as the carrier has made sure of it.
struct ExchangePeer {
  std::string address;  // for messages and logs: "ipv4:10.0.0.7:40312", "in-process"
};

// A server, as carriers see it: something that exchanges can be opened with. Thread-safe.
class ExchangeHost {
 public:
  virtual ~ExchangeHost() = default;

  // A new exchange, which goes on until Closed(). `link` is the carrier's.
  virtual absl::StatusOr<std::unique_ptr<ServerEnd>> Open(const ExchangePeer& peer, const ExchangeLimits& limits,
                                                          ExchangeLink* link) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_EXCHANGE_H_
