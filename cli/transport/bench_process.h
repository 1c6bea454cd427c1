#ifndef DOWNPOUR_CLI_TRANSPORT_BENCH_PROCESS_H_
#define DOWNPOUR_CLI_TRANSPORT_BENCH_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cli/transport/endpoint.h"
#include "cli/transport/socket.h"
#include "cli/transport/turn.h"

// The processes of a benchmark: this program again, each as one end of one transport, told over a socket what to do. So
// every end has an address space, an allocator and a processor time of its own, as it has in a cluster.

namespace downpour {

// All transports that a process may be asked for, by name().
using Transports = absl::Span<const std::unique_ptr<Transport>>;

// The first argument of a process of a benchmark, after the program's name. A main that starts benchmarks hands such
// command lines to BenchProcessMain before it looks at anything else:
//
//   if (IsBenchProcess(argc, argv)) return BenchProcessMain(argc, argv, MakeTransports());
bool IsBenchProcess(int argc, char** argv);
int BenchProcessMain(int argc, char** argv, Transports transports);

// What one process is.
struct BenchProcessSpec {
  std::string transport;
  TransportShape shape;
  bool server = false;        // it has the server,
  std::optional<int> client;  // or the client of this number,
  bool all_clients = false;   // or, of an in-process transport, the server and all clients
  std::string address;        // of the server, for a client
};

// A process that was started, from the side of who started it. Not thread-safe. Killed and waited for at the end.
class BenchProcess {
 public:
  // Starts this program's own executable and waits until that end is ready.
  static absl::StatusOr<std::unique_ptr<BenchProcess>> Start(const BenchProcessSpec& spec);
  ~BenchProcess();
  BenchProcess(const BenchProcess&) = delete;
  BenchProcess& operator=(const BenchProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Of the server that it has.
  const std::string& address() const { return address_; }

  // Processor time of all its threads so far, user and system.
  double CpuSeconds() const;
  // The most memory that it has had, in bytes.
  size_t PeakBytes() const;

  // Has the clients of the process do a turn; what they did comes with Collect(), one result for each client.
  absl::Status Begin(const Turn& turn);
  absl::StatusOr<std::vector<TurnResult>> Collect();

 private:
  BenchProcess(pid_t pid, Socket control, size_t clients)
      : pid_(pid), control_(std::move(control)), clients_(clients) {}

  const pid_t pid_;
  const Socket control_;
  const size_t clients_;
  std::string address_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRANSPORT_BENCH_PROCESS_H_
