#ifndef DOWNPOUR_COMMON_RPC_IN_PROCESS_CARRIER_H_
#define DOWNPOUR_COMMON_RPC_IN_PROCESS_CARRIER_H_

#include <memory>

#include "common/rpc/carrier.h"

namespace downpour {

// The server in the same process: messages go from end to end as they are, by calls, without encoding, copies or
// threads. Who wakes a link drives both ends until neither has anything to send; so a push to a server that works in
// Receive is applied, and its acknowledgement understood, when the call that sent it returns. Where several threads
// wake the same exchange, one of them drives it for all.
class InProcessCarrier final : public Carrier {
 public:
  // `host` and `control` outlive the carrier.
  InProcessCarrier(ExchangeHost* host, Control* control) : host_(host), control_(control) {}

  std::string_view name() const override { return "memory"; }
  std::string address() const override { return "in-process"; }
  ExchangeLimits limits() const override;
  std::shared_ptr<ExchangeLink> Connect(std::shared_ptr<ClientEnd> end) override;
  Control& control() override { return *control_; }

 private:
  ExchangeHost* const host_;
  Control* const control_;
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_RPC_IN_PROCESS_CARRIER_H_
