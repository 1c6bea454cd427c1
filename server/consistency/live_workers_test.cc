#include "server/consistency/live_workers.h"

#include <algorithm>
#include <limits>
#include <map>

#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "server/consistency/policy_state.h"

namespace downpour {
namespace {

TEST(LiveWorkersTest, AgreesWithAPlainMapOnAnySchedule) {
  for (uint64_t seed = 0; seed < 500; ++seed) {
    PhiloxStream random(seed);
    LiveWorkers live;
    std::map<WorkerId, uint64_t> model;
    uint64_t floor = 0;
    for (int i = 0; i < 200; ++i) {
      const WorkerId id = random.UniformInt(8);
      const uint64_t clock = random.UniformInt(20);
      switch (random.UniformInt(4)) {
        case 0:
          live.Join(id, clock);
          model[id] = clock;
          break;
        case 1:
          EXPECT_EQ(live.Leave(id), model.erase(id) == 1);
          break;
        default:
          EXPECT_EQ(live.Advance(id, clock), model.contains(id));
          if (model.contains(id)) model[id] = std::max(model[id], clock);
      }
      if (!model.empty()) {
        floor = std::numeric_limits<uint64_t>::max();
        for (const auto& [worker, at] : model) floor = std::min(floor, at);
      }
      ASSERT_EQ(live.min_clock(), floor);
      ASSERT_EQ(live.size(), model.size());
      const bool reached = std::all_of(
          model.begin(), model.end(), [&](const auto& worker) { return worker.first == id || worker.second >= clock; });
      ASSERT_EQ(live.OthersReached(id, clock), reached);
    }
  }
}

TEST(PolicyStateTest, ANumberIsReadInOneFormOnly) {
  for (const char* text : {"", "\n", "1", "01\n", "+1\n", "-1\n", " 1\n", "1 \n", "0x1\n", "99999999999999999999\n"}) {
    PolicyStateReader state(text);
    uint64_t value = 0;
    EXPECT_FALSE(state.Number(value)) << text;
  }
  PolicyStateReader state("0\n18446744073709551615\n255\n256\n");
  uint64_t value = 1;
  uint8_t small = 0;
  EXPECT_TRUE(state.Number(value));
  EXPECT_EQ(value, 0u);
  EXPECT_TRUE(state.Number(value));
  EXPECT_EQ(value, std::numeric_limits<uint64_t>::max());
  EXPECT_TRUE(state.Number(small));
  EXPECT_EQ(small, 255);
  EXPECT_FALSE(state.Number(small)) << "256 is no uint8_t";
  EXPECT_TRUE(state.Number(value));
  EXPECT_TRUE(state.AtEnd());
}

TEST(PolicyStateTest, TheHeaderNamesPolicyAndVersion) {
  EXPECT_TRUE(PolicyStateReader("sync 1\n").Header("sync", 1));
  EXPECT_FALSE(PolicyStateReader("sync 2\n").Header("sync", 1));
  EXPECT_FALSE(PolicyStateReader("async 1\n").Header("sync", 1));
  EXPECT_FALSE(PolicyStateReader("sync 11\n").Header("sync", 1));
}

}  // namespace
}  // namespace downpour
