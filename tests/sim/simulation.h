#ifndef DOWNPOUR_TESTS_SIM_SIMULATION_H_
#define DOWNPOUR_TESTS_SIM_SIMULATION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/shard/refusal.h"
#include "server/store/block_pool.h"
#include "tests/sim/planted_bugs.h"

namespace downpour::sim {

struct SimulationOptions {
  uint64_t seed = 0;
  std::string_view policy = {};  // one of PolicyNames(); empty: any
  Bug bug = Bug::kNone;
  uint64_t operations = 1000;  // requests to shards, before the run is brought to its end
  std::vector<std::string>* log = nullptr;
};

struct SimulationReport {
  std::string violation;  // what went wrong first; empty: nothing
  std::string scenario;   // in a line, where something went wrong
  uint64_t operations = 0;

  // What the schedule was like: of pushes, over all shards.
  uint64_t applied = 0;
  uint64_t dropped = 0;
  uint64_t fenced = 0;
  uint64_t duplicates = 0;
  std::array<uint64_t, kRefusalReasonCount> refusals = {};  // by RefusalReason
};

// Runs the same once more and tells what happened: up to `lines` of the end of its log, and if something went wrong
// also the scenario and the command that runs it again.
std::string Explain(SimulationOptions options, size_t lines, BlockPool& pool);

// One run, from start to audit: a function of its options. Processes fail and the network misbehaves until so many
// operations are done; then all that is healed, and everybody who lives must get on, every push must have its answer,
// and the books must balance. `pool` may serve many runs, one at a time.
SimulationReport Simulate(const SimulationOptions& options, BlockPool& pool);

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_SIMULATION_H_
