#include "worker/models/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/philox.h"

namespace downpour {
namespace {

TEST(MemoryPlanTest, NeverLetsTwoLiveBuffersOverlapAndStaysNearTheLeastPossible) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    PhiloxStream random(seed);
    std::vector<BufferLife> lives(1 + random.UniformInt(40));
    for (BufferLife& life : lives) {
      life.bytes = random.UniformInt(5000);
      life.first = random.UniformInt(50);
      life.last = life.first + random.UniformInt(10);
    }
    const MemoryPlan plan = PlanMemory(lives, 256);
    size_t least = 0;
    for (size_t moment = 0; moment < 60; ++moment) {
      size_t alive = 0;
      for (const BufferLife& life : lives) {
        if (life.first <= moment && moment <= life.last) alive += (life.bytes + 255) / 256 * 256;
      }
      least = std::max(least, alive);
    }
    for (size_t i = 0; i < lives.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % 256, 0u);
      EXPECT_LE(plan.offsets[i] + lives[i].bytes, plan.bytes);
      for (size_t k = 0; k < i; ++k) {
        const bool together = lives[i].first <= lives[k].last && lives[k].first <= lives[i].last;
        const bool overlap =
            plan.offsets[i] < plan.offsets[k] + lives[k].bytes && plan.offsets[k] < plan.offsets[i] + lives[i].bytes;
        EXPECT_FALSE(together && overlap) << "seed " << seed << ", buffers " << k << " and " << i;
      }
    }
    EXPECT_GE(plan.bytes, least);
    EXPECT_LE(plan.bytes, least + least / 2 + 256) << "seed " << seed;
  }
}

TEST(MemoryPlanTest, UsesMemoryAgainWhenItIsFree) {
  const BufferLife lives[] = {{1000, 0, 1}, {1000, 1, 2}, {1000, 2, 3}, {1000, 3, 4}};
  EXPECT_EQ(PlanMemory(lives, 8).bytes, 2000u);
  EXPECT_EQ(PlanWithoutReuse(lives, 8).bytes, 4000u);
}

}  // namespace
}  // namespace downpour
