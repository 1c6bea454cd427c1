#ifndef DOWNPOUR_TESTS_SIM_SCENARIO_H_
#define DOWNPOUR_TESTS_SIM_SCENARIO_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/philox.h"
#include "proto/policy.pb.h"
#include "tests/sim/event_queue.h"

namespace downpour::sim {

// What the auditor knows of a policy besides its configuration: enough to say what must come of a run.
struct PolicyFacts {
  enum class Kind : uint8_t { kImmediate, kBounded, kRounds };
  Kind kind = Kind::kImmediate;
  uint64_t bound = 0;           // kBounded
  uint64_t required = 0;        // kRounds; 0: all
  uint64_t steps = 1;           // of the clock from one push of a worker to the next
  uint64_t fetch_every = 1;     // steps from pull to pull
  uint64_t warm_steps = 0;      // 0: no warm start
  bool shared_by_live = false;  // a push counts one share of the live workers
  float scale = 1;              // of a gradient that is applied at once
  bool staleness_rate = false;
};

struct NetworkFaults {
  uint32_t loss_permille = 0;
  uint32_t duplicate_permille = 0;
  uint32_t late_permille = 0;  // take twenty times as long
  Micros delay_min = 100;
  Micros delay_spread = 400;  // uniform on top
};

// Everything about a run that its seed decides in advance.
struct Scenario {
  std::string policy_name;
  PolicyConfig policy;
  PolicyFacts facts;
  uint32_t workers = 2;
  uint32_t servers = 1;
  uint32_t shards = 1;  // shard s lives on server s % servers
  uint32_t elements = 0;
  uint32_t steps_max = 0;        // a ledger coordinate for each push, none to spare; equals `elements`
  uint32_t steps_spare = 0;      // of them, kept for the end of the run
  uint64_t open_pushes_max = 1;  // unanswered, of one worker
  NetworkFaults network;
  Micros compute_min = 500;
  Micros compute_spread = 2000;
  Micros retry_after = 10'000;
  Micros dead_after = 60'000;
  Micros fault_interval = 20'000;  // mean; 0: no process ever fails
};

// Names that Draw knows.
std::vector<std::string_view> PolicyNames();

// The scenario of a seed, under the policy of that name, or any if it is empty. `operations` sizes the ledger.
Scenario DrawScenario(PhiloxStream& random, std::string_view policy_name, uint64_t operations);

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_SCENARIO_H_
