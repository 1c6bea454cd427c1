#ifndef DOWNPOUR_CLI_TRANSPORT_CARRIER_TRANSPORT_H_
#define DOWNPOUR_CLI_TRANSPORT_CARRIER_TRANSPORT_H_

#include <memory>
#include <string>
#include <vector>

#include "cli/transport/endpoint.h"

namespace downpour {

// The data plane as workers and servers use it, by each of its carriers: PsClient against a server with a job of one
// table for each tensor, SGD, async. Nothing is left out: sequence numbers, checks of every value, locks, updates.
//   memory      the server in the process of its clients
//   grpc        over TCP
//   grpc_plain  the same, with each piece in a message of its own
//   shm         gRPC, with the payload in shared memory
std::vector<std::unique_ptr<Transport>> MakeCarrierTransports();

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_CARRIER_TRANSPORT_H_
