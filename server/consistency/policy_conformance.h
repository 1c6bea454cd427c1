#ifndef DOWNPOUR_SERVER_CONSISTENCY_POLICY_CONFORMANCE_H_
#define DOWNPOUR_SERVER_CONSISTENCY_POLICY_CONFORMANCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "server/consistency/policy.h"

namespace downpour::testing {

// What every policy promises, whatever else it does. To hold a policy to it, put a case of it into the
// INSTANTIATE_TEST_SUITE_P of policy_conformance_test.cc:
//   - random legal schedules of joins, leaves, deaths, pushes and pulls: nobody who lives waits in vain, nobody who
//     keeps to the protocol is refused, batches are made of held pushes in order of worker, joining anew drops what was
//     held, and the same schedule has the same outcome;
//   - pushes of workers that are not live are refused and change nothing; they are not answered;
//   - restored in mid-run from Save(), it rules as if nothing had happened;
//   - Restore refuses damaged bytes and changes nothing, or takes them for another state; it never crashes.
struct PolicyCase {
  std::string name;
  std::function<std::unique_ptr<Policy>()> make;
  uint64_t steps = 1;  // of the clock from one push of a worker to the next
};

inline void PrintTo(const PolicyCase& policy, std::ostream* out) { *out << policy.name; }

class PolicyConformance : public ::testing::TestWithParam<PolicyCase> {};

}  // namespace downpour::testing

#endif  // DOWNPOUR_SERVER_CONSISTENCY_POLICY_CONFORMANCE_H_
