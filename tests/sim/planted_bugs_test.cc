#include "tests/sim/planted_bugs.h"

#include <cstdio>
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "server/store/block_pool.h"
#include "tests/sim/scenario.h"
#include "tests/sim/simulation.h"

namespace downpour::sim {
namespace {

constexpr uint64_t kSeedsMax = 200;

// The first seed whose run breaks a promise, kSeedsMax if none does.
uint64_t FirstFound(const PlantedBug& planted, Bug bug, std::string* violation) {
  BlockPool pool;
  SimulationOptions options;
  options.policy = planted.policy;
  options.bug = bug;
  for (options.seed = 0; options.seed < kSeedsMax; ++options.seed) {
    *violation = Simulate(options, pool).violation;
    if (!violation->empty()) break;
  }
  return options.seed;
}

class PlantedBugTest : public ::testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugTest, IsFoundAndWithoutItNothingIs) {
  std::string violation;
  const uint64_t seed = FirstFound(GetParam(), GetParam().bug, &violation);
  ASSERT_LT(seed, kSeedsMax) << "nothing was found in " << kSeedsMax << " runs";
  std::printf("found by seed %d: %.120s\n", static_cast<int>(seed), violation.c_str());
  EXPECT_EQ(FirstFound(GetParam(), Bug::kNone, &violation), kSeedsMax) << violation;
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBugTest, ::testing::ValuesIn(PlantedBugs().begin(), PlantedBugs().end()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(PlantedBugsTest, EachHasANameOfItsOwnAndAPolicyThatExists) {
  std::set<std::string_view> policies = {""};
  for (const std::string_view policy : PolicyNames()) policies.insert(policy);
  std::set<std::string_view> names;
  std::set<Bug> bugs;
  for (const PlantedBug& bug : PlantedBugs()) {
    EXPECT_TRUE(names.insert(bug.name).second) << bug.name;
    EXPECT_TRUE(bugs.insert(bug.bug).second) << bug.name;
    EXPECT_TRUE(policies.contains(bug.policy)) << bug.policy;
    EXPECT_EQ(FindPlantedBug(bug.name)->bug, bug.bug);
  }
  EXPECT_GE(names.size(), 20u);
  EXPECT_FALSE(FindPlantedBug("none_of_that_name").has_value());
}

}  // namespace
}  // namespace downpour::sim
