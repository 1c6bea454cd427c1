#ifndef DOWNPOUR_COMMON_RPC_IN_PROCESS_CARRIER_H_
#define DOWNPOUR_COMMON_RPC_IN_PROCESS_CARRIER_H_

#include <memory>
#include <string>
#include <string_view>

#include "common/rpc/carrier.h"

namespace downpour {

// The server in the same process: messages go from end to end as they are, by calls, without encoding, copies or
// threads. Who wakes a client's link drives both ends until neither has anything to send; so a push to a server that
// works in Receive is applied, and its acknowledgement understood, when the call that sent it returns. Where several
// threads wake the same exchange, one of them drives it for all.
//
// A server's link calls no end from within: what a push of one worker makes due for another is brought there by the
// same thread, when it has done what it was at. Only what a thread has to tell that drives nothing (the server's own,
// which gives silent workers up) is brought by a thread of the carrier, started when it is first needed.
class InProcessCarrier final : public Carrier {
 public:
  // `host` and `control` outlive the carrier.
  InProcessCarrier(ExchangeHost* host, Control* control);
  ~InProcessCarrier() override;

  std::string_view name() const override { return "memory"; }
  std::string address() const override { return "in-process"; }
  ExchangeLimits limits() const override;
  std::shared_ptr<ExchangeLink> Connect(std::shared_ptr<ClientEnd> end) override;
  Control& control() override { return *control_; }

 private:
  class Messenger;

  ExchangeHost* const host_;
  const std::unique_ptr<Control> control_;
  const std::unique_ptr<Messenger> messenger_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_IN_PROCESS_CARRIER_H_
