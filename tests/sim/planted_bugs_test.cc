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

class PlantedBugTest : public ::testing::TestWithParam<PlantedBug> {};

TEST_P(PlantedBugTest, IsFoundAndWithoutItNothingIs) {
  BlockPool pool;
  SimulationOptions options;
  options.policy = GetParam().policy;
  for (options.seed = 0; options.seed < kSeedsMax; ++options.seed) {
    options.bug = GetParam().bug;
    const std::string violation = Simulate(options, pool).violation;
    options.bug = Bug::kNone;
    ASSERT_EQ(Simulate(options, pool).violation, "") << "seed " << options.seed << " without the bug";
    if (violation.empty()) continue;
    std::printf("found by seed %d: %.120s\n", static_cast<int>(options.seed), violation.c_str());
    return;
  }
  FAIL() << "nothing was found in " << kSeedsMax << " runs";
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
