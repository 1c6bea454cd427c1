#ifndef DOWNPOUR_CLI_TRANSPORT_TRANSPORT_BENCH_CASES_H_
#define DOWNPOUR_CLI_TRANSPORT_TRANSPORT_BENCH_CASES_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/transport/bench_process.h"
#include "common/base/interleaved.h"

namespace downpour {

struct TransportBenchOptions {
  std::vector<size_t> tensor_bytes = {size_t{4} << 10,  size_t{64} << 10,  size_t{1} << 20,
                                      size_t{16} << 20, size_t{100} << 20, size_t{1} << 30};
  std::vector<int> clients = {1, 2, 4};
  std::vector<std::string> directions = {"push", "pull", "both"};
  int rounds = 5;
  double turn_seconds = 0.2;  // of each transport in each round
  // Called with each line as soon as it is known; may be empty.
  std::function<void(const BenchLine&)> on_line;
};

// How fast tensors move between one server and its clients, each a process of its own (or all in one, for the carrier
// "memory"), in rounds in which every transport has its turn:
//   <direction>/<transport>/<size>/<clients>
//     throughput            GB/s of payload, all clients together, with as many tensors in flight as hide the way there
//                           and back; of raw_tcp itself and of what moves through memory beside memcpy, too
//     messages_per_second   tensors a second, in the same turns
//     cpu_seconds_per_gb    processor time of server and clients, in the same turns
//     latency_p50, _p99     of one tensor at a time, one client; from the start to its being applied, or there
//   copy/memcpy/<size>/1, apply/fused/<size>/1: what one core does without any transport: copies; SGD from a gradient
//                           in memory
// "both" is pushes and pulls at the same time, each with a thread of the client, and counts the bytes of both. A ratio
// above 1 is better than the reference (less time, less processor time). Sizes for which the memory of the machine does
// not suffice are left out, with a line on stderr.
//
// The first of `transports` is the reference, raw_tcp. Only in a program whose main calls BenchProcessMain
// (cli/transport/bench_process.h) with the same transports, or more.
absl::StatusOr<std::vector<BenchLine>> RunTransportBench(const TransportBenchOptions& options, Transports transports);

// "4KiB", "16MiB", "1GiB", "1000B": how a size is written in cases and on the command line, and read: digits with B,
// KiB, MiB, GiB or nothing.
std::string SizeName(size_t bytes);
absl::StatusOr<size_t> ParseSize(const std::string& name);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_TRANSPORT_BENCH_CASES_H_
