// How a worker reaches one server. Implementations, which pass one conformance suite: in-process, gRPC, and gRPC with
// the payload in shared memory.
#ifndef DOWNPOUR_COMMON_RPC_CARRIER_H_
#define DOWNPOUR_COMMON_RPC_CARRIER_H_

#include <string>
#include <string_view>

#include "common/rpc/control.h"
#include "common/rpc/exchange.h"

namespace downpour {

// Thread-safe. Outlives its exchanges.
class Carrier {
 public:
  virtual ~Carrier() = default;

  // "memory", "grpc" or "shm".
  virtual std::string_view name() const = 0;

  // The server, for messages: "10.0.0.7:7070", "in-process".
  virtual std::string address() const = 0;

  // How the client end should cut what it sends.
  virtual ExchangeLimits limits() const = 0;

  // Starts an exchange; where the server cannot be reached, `end` hears of it by Closed(UNAVAILABLE). The carrier makes
  // no second try: that is for the client, on a new exchange. `end` stays alive, and the link valid, until Closed() has
  // returned. Never waits. Calls of `end` may come before this returns.
  virtual ExchangeLink* Connect(ClientEnd* end) = 0;

  virtual Control& control() = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_CARRIER_H_
