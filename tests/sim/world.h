#ifndef DOWNPOUR_TESTS_SIM_WORLD_H_
#define DOWNPOUR_TESTS_SIM_WORLD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/ledger.h"
#include "tests/sim/network.h"
#include "tests/sim/planted_bugs.h"
#include "tests/sim/scenario.h"

namespace downpour::sim {

// What all simulated processes of one run share. Everything random comes from `random`, in the order of events, so the
// run is a function of its seed.
struct World {
  World(const Scenario& drawn, PhiloxStream random_from, Bug planted, std::vector<std::string>* log_to)
      : scenario(drawn),
        bug(planted),
        log(log_to),
        random(random_from),
        network(drawn, events, random),
        ledger(drawn.steps_max) {}
  World(const World&) = delete;

  // Notes what happened, if anybody wants to know; the parts are put together only then.
  template <typename... Parts>
  void Log(const Parts&... parts) {
    if (log != nullptr) log->push_back(absl::StrCat(events.now(), " us  ", parts...));
  }

  // Keeps the first thing that went wrong.
  template <typename... Parts>
  void Fail(const Parts&... parts) {
    if (violation.empty()) violation = absl::StrCat(parts...);
  }

  const Scenario& scenario;
  const Bug bug;
  std::vector<std::string>* const log;

  PhiloxStream random;
  EventQueue events;
  Network network;
  Ledger ledger;

  bool healed = false;      // nothing fails any more; the run is to come to an end
  bool stopped = false;     // nobody begins another step
  uint64_t operations = 0;  // requests that shards have handled
  std::string violation;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_WORLD_H_
