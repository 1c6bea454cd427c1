#ifndef DOWNPOUR_TESTS_SIM_SIMULATION_H_
#define DOWNPOUR_TESTS_SIM_SIMULATION_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/block.h"
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
  std::string scenario;   // in a line
  uint64_t operations = 0;
  uint64_t pushes = 0;
};

// One run, from start to audit: a function of its options. Processes fail and the network misbehaves until so many
// operations are done; then all that is healed, and everybody who lives must get on, every push must have its answer,
// and the books must balance. `pool` may serve many runs, one at a time.
SimulationReport Simulate(const SimulationOptions& options, BlockPool& pool);

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_SIMULATION_H_
