#include "cli/transport/transport_bench_cases.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/transport/contestant.h"
#include "cli/transport/memory_passes.h"
#include "common/base/status.h"

namespace downpour {
namespace {

// Tensors of one client: together far more than a core's caches where they are large; several, so that two in flight
// are never the same.
TransportShape ShapeOf(size_t tensor_bytes, int clients, bool push, bool pull) {
  TransportShape shape;
  shape.tensor_bytes = tensor_bytes;
  shape.tensors = std::clamp<size_t>((size_t{64} << 20) / tensor_bytes, 1, 1024);
  if (tensor_bytes <= size_t{256} << 20) shape.tensors = std::max<size_t>(shape.tensors, 2);
  shape.clients = clients;
  shape.push = push;
  shape.pull = pull;
  return shape;
}

// As many as hide the way there and back: what a worker that pushes all its gradients has.
uint32_t InFlight(size_t tensor_bytes) {
  return static_cast<uint32_t>(std::clamp<size_t>((size_t{4} << 20) / tensor_bytes, 2, 256));
}

size_t MemoryNeeded(const TransportShape& shape) {
  const size_t directions = (shape.push ? 1 : 0) + (shape.pull ? 1 : 0);
  // The server's weights, and as many fresh blocks as pushes and pulls at the same time may ask for.
  return shape.bytes() * (1 + (shape.push && shape.pull ? 1 : 0) + directions * shape.clients) + (size_t{64} << 20);
}

size_t MemoryAvailable() {
  std::FILE* const file = std::fopen("/proc/meminfo", "r");
  if (file == nullptr) return 0;
  char line[256];
  size_t kib = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::sscanf(line, "MemAvailable: %zu", &kib) == 1) break;
  }
  std::fclose(file);
  return kib << 10;
}

// Processes of all transports wait side by side for their turns while they take no more than this together.
constexpr size_t kSideBySideBytes = size_t{4} << 30;

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// ---- One case: all transports for one size, number of clients and direction

class Case {
 public:
  Case(const TransportBenchOptions& options, Transports transports, const std::string& direction,
       const TransportShape& shape, MemoryPasses* memory)
      : options_(options), direction_(direction), shape_(shape), memory_(memory) {
    for (const auto& transport : transports) contestants_.emplace_back().transport = transport.get();
  }

  absl::Status Run() {
    const bool side_by_side = MemoryNeeded(shape_) * contestants_.size() <= kSideBySideBytes;
    for (int round = 0; round < options_.rounds; ++round) {
      copies_.push_back(memory_->Copy(options_.turn_seconds / 4));
      for (Contestant& contestant : contestants_) {
        DP_RETURN_IF_ERROR(Annotate(TakeTurns(contestant), CaseName(contestant)));
        if (!side_by_side) contestant.running = nullptr;
      }
    }
    return absl::OkStatus();
  }

  void Report(const std::function<void(BenchLine)>& add) const {
    const Contestant& raw = contestants_.front();
    for (const Contestant& contestant : contestants_) {
      const auto line = [&](const char* metric, const char* unit, double scale, bool more_is_better,
                            const char* reference, const std::vector<double>& values,
                            const std::vector<double>& reference_values) {
        std::vector<double> ratios;
        for (size_t i = 0; i < values.size(); ++i) {
          ratios.push_back(more_is_better ? values[i] / reference_values[i] : reference_values[i] / values[i]);
        }
        add({"transport", CaseName(contestant), metric, Median(values) * scale, unit, reference,
             Median(reference_values) * scale, Median(ratios), options_.rounds});
      };
      const auto of = [](const std::vector<TurnFigures>& figures, double TurnFigures::*member) {
        std::vector<double> values;
        for (const TurnFigures& turn : figures) values.push_back(turn.*member);
        return values;
      };
      const auto beside_raw = [&](const char* metric, const char* unit, double scale, bool more_is_better,
                                  std::vector<TurnFigures> Contestant::*turns, double TurnFigures::*member) {
        line(metric, unit, scale, more_is_better, "raw_tcp", of(contestant.*turns, member), of(raw.*turns, member));
      };
      if (&contestant != &raw) {
        beside_raw("throughput", "GB/s", 1e-9, true, &Contestant::streaming, &TurnFigures::bytes_per_second);
      }
      if (contestant.transport->compare_with_memcpy()) {
        line("throughput", "GB/s", 1e-9, true, "memcpy", of(contestant.streaming, &TurnFigures::bytes_per_second),
             copies_);
      }
      beside_raw("messages_per_second", "/s", 1, true, &Contestant::streaming, &TurnFigures::operations_per_second);
      beside_raw("cpu_seconds_per_gb", "s/GB", 1e9, false, &Contestant::streaming, &TurnFigures::cpu_seconds_per_byte);
      if (contestant.one_at_a_time.empty()) continue;
      beside_raw("latency_p50", "us", 1e6, false, &Contestant::one_at_a_time, &TurnFigures::latency_p50);
      beside_raw("latency_p99", "us", 1e6, false, &Contestant::one_at_a_time, &TurnFigures::latency_p99);
    }
  }

 private:
  struct Contestant {
    const Transport* transport = nullptr;
    std::unique_ptr<ContestingTransport> running;
    std::vector<TurnFigures> streaming;  // a turn for each round
    std::vector<TurnFigures> one_at_a_time;
  };

  std::string CaseName(const Contestant& contestant) const {
    return absl::StrCat(direction_, "/", contestant.transport->name(), "/", SizeName(shape_.tensor_bytes), "/",
                        shape_.clients);
  }

  absl::Status TakeTurns(Contestant& contestant) {
    Turn turn;
    turn.push = shape_.push;
    turn.pull = shape_.pull;
    turn.in_flight = InFlight(shape_.tensor_bytes);
    if (contestant.running == nullptr) {
      Turn warm_up = turn;
      warm_up.seconds = options_.turn_seconds / 2;
      // Each tensor once, so that all memory has been touched and all blocks are made.
      warm_up.operations_min = shape_.tensors;
      DP_ASSIGN_OR_RETURN(contestant.running,
                          ContestingTransport::Start(contestant.transport->name(), contestant.transport->in_process(),
                                                     shape_, warm_up));
    }
    turn.seconds = options_.turn_seconds;
    turn.operations_min = 2;
    DP_ASSIGN_OR_RETURN(contestant.streaming.emplace_back(), contestant.running->Take(turn));
    if (shape_.clients > 1 || (turn.push && turn.pull)) return absl::OkStatus();
    turn.in_flight = 1;
    turn.seconds = options_.turn_seconds / 2;
    DP_ASSIGN_OR_RETURN(contestant.one_at_a_time.emplace_back(), contestant.running->Take(turn));
    return absl::OkStatus();
  }

  const TransportBenchOptions& options_;
  const std::string direction_;
  const TransportShape shape_;
  MemoryPasses* const memory_;
  std::vector<Contestant> contestants_;  // the first is the reference
  std::vector<double> copies_;           // bytes per second, a turn for each round
};

void ReportMemory(const TransportBenchOptions& options, size_t tensor_bytes, MemoryPasses& memory,
                  const std::function<void(BenchLine)>& add) {
  std::vector<double> copies;
  std::vector<double> updates;
  std::vector<double> ratios;
  for (int round = 0; round < options.rounds; ++round) {
    copies.push_back(memory.Copy(options.turn_seconds / 4));
    updates.push_back(memory.Apply(options.turn_seconds / 4));
    ratios.push_back(updates.back() / copies.back());
  }
  const double copy = Median(copies) * 1e-9;
  add({"transport", absl::StrCat("copy/memcpy/", SizeName(tensor_bytes), "/1"), "throughput", copy, "GB/s", "memcpy",
       copy, 1, options.rounds});
  add({"transport", absl::StrCat("apply/fused/", SizeName(tensor_bytes), "/1"), "throughput", Median(updates) * 1e-9,
       "GB/s", "memcpy", copy, Median(ratios), options.rounds});
}

}  // namespace

absl::StatusOr<std::vector<BenchLine>> RunTransportBench(const TransportBenchOptions& options, Transports transports) {
  std::vector<BenchLine> lines;
  const auto add = [&](BenchLine line) {
    if (options.on_line) options.on_line(line);
    lines.push_back(std::move(line));
  };
  for (const size_t tensor_bytes : options.tensor_bytes) {
    std::optional<MemoryPasses> memory;
    for (const int clients : options.clients) {
      for (const std::string& direction : options.directions) {
        const bool both = direction == "both";
        const TransportShape shape =
            ShapeOf(tensor_bytes, clients, both || direction == "push", both || direction == "pull");
        if (MemoryNeeded(shape) + 2 * shape.bytes() > MemoryAvailable()) {
          std::fprintf(stderr, "left out for want of memory: %s/*/%s/%d\n", direction.c_str(),
                       SizeName(tensor_bytes).c_str(), clients);
          continue;
        }
        if (!memory.has_value()) {
          DP_ASSIGN_OR_RETURN(MemoryPasses passes, MemoryPasses::Make(shape.bytes()));
          memory.emplace(std::move(passes));
          ReportMemory(options, tensor_bytes, *memory, add);
        }
        Case all(options, transports, direction, shape, &*memory);
        DP_RETURN_IF_ERROR(all.Run());
        all.Report(add);
      }
    }
  }
  return lines;
}

}  // namespace downpour
