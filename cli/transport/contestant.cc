#include "cli/transport/contestant.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/status.h"

namespace downpour {
namespace {

// Of sorted values; 0 where there are none.
double Percentile(const std::vector<float>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
}

}  // namespace

absl::StatusOr<std::unique_ptr<ContestingTransport>> ContestingTransport::Start(const std::string& transport,
                                                                                bool in_process,
                                                                                const TransportShape& shape,
                                                                                const Turn& warm_up) {
  std::unique_ptr<ContestingTransport> contestant(new ContestingTransport(shape));
  BenchProcessSpec spec;
  spec.transport = transport;
  spec.shape = shape;
  spec.server = true;
  spec.all_clients = in_process;
  DP_ASSIGN_OR_RETURN(auto server, BenchProcess::Start(spec));
  spec.server = false;
  spec.address = server->address();
  contestant->processes_.push_back(std::move(server));
  for (int client = 0; client < shape.clients && !in_process; ++client) {
    spec.client = client;
    DP_ASSIGN_OR_RETURN(auto process, BenchProcess::Start(spec));
    contestant->processes_.push_back(std::move(process));
  }
  DP_RETURN_IF_ERROR(contestant->Take(warm_up).status());
  return contestant;
}

absl::StatusOr<TurnFigures> ContestingTransport::Take(const Turn& turn) {
  const auto cpu_seconds = [this] {
    double seconds = 0;
    for (const auto& process : processes_) seconds += process->CpuSeconds();
    return seconds;
  };
  const double cpu_before = cpu_seconds();
  for (const auto& process : processes_) DP_RETURN_IF_ERROR(process->Begin(turn));
  TurnResult all;
  all.begin_seconds = std::numeric_limits<double>::infinity();
  for (const auto& process : processes_) {
    DP_ASSIGN_OR_RETURN(const std::vector<TurnResult> results, process->Collect());
    for (const TurnResult& result : results) {
      all.begin_seconds = std::min(all.begin_seconds, result.begin_seconds);
      all.end_seconds = std::max(all.end_seconds, result.end_seconds);
      all.operations += result.operations;
      all.latencies.insert(all.latencies.end(), result.latencies.begin(), result.latencies.end());
    }
  }
  const double cpu = cpu_seconds() - cpu_before;
  const double seconds = all.end_seconds - all.begin_seconds;
  const double bytes = static_cast<double>(all.operations) * static_cast<double>(shape_.tensor_bytes);
  std::sort(all.latencies.begin(), all.latencies.end());
  TurnFigures figures;
  figures.bytes_per_second = bytes / seconds;
  figures.operations_per_second = static_cast<double>(all.operations) / seconds;
  figures.cpu_seconds_per_byte = cpu / bytes;
  figures.latency_p50 = Percentile(all.latencies, 0.5);
  figures.latency_p99 = Percentile(all.latencies, 0.99);
  return figures;
}

}  // namespace downpour
