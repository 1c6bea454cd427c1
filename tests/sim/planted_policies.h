#ifndef DOWNPOUR_TESTS_SIM_PLANTED_POLICIES_H_
#define DOWNPOUR_TESTS_SIM_PLANTED_POLICIES_H_

#include <memory>

#include "server/consistency/policy.h"
#include "tests/sim/planted_bugs.h"
#include "tests/sim/scenario.h"

namespace downpour::sim {

// The policy of the scenario with the bug in it, where it is one of a policy; otherwise as it is.
std::unique_ptr<Policy> MakeSimulatedPolicy(const Scenario& scenario, Bug bug);

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_PLANTED_POLICIES_H_
