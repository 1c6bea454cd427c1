#include "kernels/update_bench_cases.h"

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "kernels/stream_loop.h"

namespace downpour {
namespace {

TEST(UpdateBenchTest, ReportsEachCaseOnceWithItsReference) {
  UpdateBenchOptions options;
  options.elements = 2 * kBenchBlockElements + 12345;
  options.rounds = 1;
  size_t seen = 0;
  options.on_line = [&](const BenchLine&) { ++seen; };
  const std::vector<BenchLine> lines = RunUpdateBench(BestKernels(), options);
  EXPECT_EQ(seen, lines.size());
  std::set<std::string> cases;
  for (const BenchLine& line : lines) {
    EXPECT_TRUE(cases.insert(line.case_name).second) << line.case_name;
    EXPECT_GT(line.value, 0);
    EXPECT_GT(line.reference_value, 0);
    EXPECT_GT(line.ratio, 0);
    EXPECT_EQ(line.bench, "store");
  }
  for (const char* name :
       {"update/sgd/", "update/momentum/", "update/adagrad/", "update/adam/", "update_slices/sgd/"}) {
    EXPECT_EQ(cases.count(name + std::to_string(options.elements)), 1u) << name;
  }
}

TEST(StreamLoopTest, ReadsAndWritesEveryElementOfEveryStream) {
  for (const size_t count : {0, 1, 15, 16, 100, 1027}) {
    for (const size_t streams : {1, 2, 3}) {
      alignas(64) float read_only[1040];
      alignas(64) float updated[3][1040] = {};
      for (size_t i = 0; i < count; ++i) read_only[i] = static_cast<float>(i);
      float* const pointers[] = {updated[0], updated[1], updated[2]};
      StreamLoop(read_only, {pointers, streams}, 2, count);
      for (size_t k = 0; k < 3; ++k) {
        for (size_t i = 0; i < 1040; ++i) ASSERT_EQ(updated[k][i], k < streams && i < count ? 2.0f * i : 0) << i;
      }
      EXPECT_EQ(ReadLoop(read_only, count), count == 0 ? 0 : static_cast<float>(count * (count - 1) / 2));
    }
  }
}

}  // namespace
}  // namespace downpour
