#ifndef DOWNPOUR_CLI_TRANSPORT_TRANSPORTS_H_
#define DOWNPOUR_CLI_TRANSPORT_TRANSPORTS_H_

#include <memory>
#include <vector>

#include "cli/transport/endpoint.h"

namespace downpour {

// Of raw_tcp, as of the channels and servers of our carriers: where the host's default is another (bbr), a stream of
// big messages over the loopback or a data centre's network moves a third less.
inline constexpr char kCongestionControl[] = "";

// All that `downpour bench transport` can measure: raw_tcp first, then the carriers of the data plane.
std::vector<std::unique_ptr<Transport>> MakeTransports();

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_TRANSPORTS_H_
