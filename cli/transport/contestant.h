#ifndef DOWNPOUR_CLI_TRANSPORT_CONTESTANT_H_
#define DOWNPOUR_CLI_TRANSPORT_CONTESTANT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/transport/bench_process.h"
#include "cli/transport/endpoint.h"
#include "cli/transport/turn.h"

namespace downpour {

// What one turn of all clients together came to.
struct TurnFigures {
  double bytes_per_second = 0;
  double operations_per_second = 0;
  double cpu_seconds_per_byte = 0;  // of server and clients together
  double latency_p50 = 0;           // seconds
  double latency_p99 = 0;
};

// A transport with its server and clients running, one process each.
class ContestingTransport {
 public:
  // Starts the processes and lets them move a few tensors.
  static absl::StatusOr<std::unique_ptr<ContestingTransport>> Start(const std::string& transport, bool in_process,
                                                                    const TransportShape& shape, const Turn& warm_up);

  // All clients at the same time.
  absl::StatusOr<TurnFigures> Take(const Turn& turn);

  // Of the server's process.
  size_t server_peak_bytes() const { return processes_.front()->PeakBytes(); }

 private:
  explicit ContestingTransport(const TransportShape& shape) : shape_(shape) {}

  const TransportShape shape_;
  std::vector<std::unique_ptr<BenchProcess>> processes_;  // the server first
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_CONTESTANT_H_
