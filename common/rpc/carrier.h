// How a worker reaches one server. Implementations, which pass one conformance suite: in-process, gRPC, and gRPC with
// the payload in shared memory.
#ifndef DOWNPOUR_COMMON_RPC_CARRIER_H_
#define DOWNPOUR_COMMON_RPC_CARRIER_H_

#include <memory>
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
  // no second try: that is for the client, on a new exchange. It holds `end` until Closed() has returned; the link does
  // nothing any more after that, and may be held for as long as the carrier lives. Never waits. Calls of `end` may come
  // before this returns: whoever gets the link says Wake() once, for what became ready meanwhile.
  virtual std::shared_ptr<ExchangeLink> Connect(std::shared_ptr<ClientEnd> end) = 0;

  virtual Control& control() = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_CARRIER_H_
