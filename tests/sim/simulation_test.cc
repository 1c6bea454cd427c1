#include "tests/sim/simulation.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"
#include "server/store/block_pool.h"
#include "tests/sim/scenario.h"

namespace downpour::sim {
namespace {

constexpr size_t kLogTail = 60;

TEST(SimulationTest, TwoThousandSeedsOverAllPoliciesBreakNoPromise) {
  BlockPool pool;
  SimulationOptions options;
  for (options.seed = 0; options.seed < 2000; ++options.seed) {
    ASSERT_EQ(Simulate(options, pool).violation, "") << Explain(options, kLogTail, pool);
  }
}

TEST(SimulationTest, TwoHundredSeedsUnderEachPolicyBreakNoPromise) {
  BlockPool pool;
  SimulationOptions options;
  for (const std::string_view policy : PolicyNames()) {
    options.policy = policy;
    for (options.seed = 1'000'000; options.seed < 1'000'200; ++options.seed) {
      ASSERT_EQ(Simulate(options, pool).violation, "") << Explain(options, kLogTail, pool);
    }
  }
}

TEST(SimulationTest, ARunIsAFunctionOfItsSeed) {
  BlockPool pool;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<std::string> once;
    std::vector<std::string> again;
    SimulationOptions options;
    options.seed = seed;
    options.log = &once;
    Simulate(options, pool);
    options.log = &again;
    Simulate(options, pool);
    ASSERT_GT(once.size(), 100u);
    ASSERT_EQ(once, again) << "seed " << seed;
    options.log = nullptr;
    EXPECT_NE(Simulate(options, pool).operations, 0u);
  }
}

TEST(SimulationTest, ALongRunBreaksNoPromise) {
  BlockPool pool;
  SimulationOptions options;
  options.operations = 6000;
  for (options.seed = 0; options.seed < 100; ++options.seed) {
    ASSERT_EQ(Simulate(options, pool).violation, "") << Explain(options, kLogTail, pool);
  }
}

// A simulator that is too kind finds nothing.
TEST(SimulationTest, TheSchedulesAreRough) {
  BlockPool pool;
  SimulationOptions options;
  SimulationReport all;
  for (options.seed = 0; options.seed < 300; ++options.seed) {
    const SimulationReport report = Simulate(options, pool);
    all.applied += report.applied;
    all.dropped += report.dropped;
    all.fenced += report.fenced;
    all.duplicates += report.duplicates;
    for (size_t reason = 0; reason < kRefusalReasonCount; ++reason) all.refusals[reason] += report.refusals[reason];
  }
  EXPECT_GT(all.applied, 50'000u);
  EXPECT_GT(all.duplicates, all.applied / 10);
  EXPECT_GT(all.dropped, 500u);
  EXPECT_GT(all.fenced, 50u);
  for (const RefusalReason reason :
       {RefusalReason::kEpochStale, RefusalReason::kEpochFuture, RefusalReason::kUnknownWorker,
        RefusalReason::kIncarnationStale, RefusalReason::kSequenceZero, RefusalReason::kVersionFuture,
        RefusalReason::kElementCount, RefusalReason::kByteCount, RefusalReason::kNotFinite}) {
    EXPECT_GT(all.refusals[static_cast<size_t>(reason)], 30u) << RefusalReasonName(reason);
  }
  EXPECT_EQ(all.refusals[static_cast<size_t>(RefusalReason::kPolicy)], 0u);
}

}  // namespace
}  // namespace downpour::sim
