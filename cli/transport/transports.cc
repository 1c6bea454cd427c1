#include "cli/transport/transports.h"

#include <utility>

#include "cli/transport/carrier_transport.h"
#include "cli/transport/raw_tcp.h"

namespace downpour {

std::vector<std::unique_ptr<Transport>> MakeTransports() {
  std::vector<std::unique_ptr<Transport>> transports;
  transports.push_back(std::make_unique<RawTcp>(kCongestionControl));
  for (auto& carrier : MakeCarrierTransports()) transports.push_back(std::move(carrier));
  return transports;
}

}  // namespace downpour
