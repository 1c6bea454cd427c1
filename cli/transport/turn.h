#ifndef DOWNPOUR_CLI_TRANSPORT_TURN_H_
#define DOWNPOUR_CLI_TRANSPORT_TURN_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/transport/endpoint.h"

// One client's work in one turn of a benchmark: the same for every transport. Plain data, since it travels between
// processes of one program.

namespace downpour {

struct Turn {
  double seconds = 0.1;         // starts nothing after so long,
  uint64_t operations_min = 1;  // but does at least so many in each direction
  uint32_t in_flight = 1;       // begun and not waited for, in each direction; at most the tensors of the shape
  bool push = true;             // both: at the same time, from a thread each
  bool pull = false;
};

struct TurnResult {
  double begin_seconds = 0;  // of SteadySeconds(), which all processes of a machine share
  double end_seconds = 0;
  uint64_t operations = 0;
  std::vector<float> latencies;  // in seconds, of up to kLatenciesMax operations from start to finish
};

inline constexpr size_t kLatenciesMax = 20'000;

absl::StatusOr<TurnResult> RunTurn(TransportClient& client, const TransportShape& shape, const Turn& turn);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_TURN_H_
