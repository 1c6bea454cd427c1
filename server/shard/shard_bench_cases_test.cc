#include "server/shard/shard_bench_cases.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(ShardBenchTest, MeasuresEveryCaseAndNoPushFails) {
  ShardBenchOptions options;
  options.shards = 2;
  options.elements = 599'999;  // not a whole number of vectors
  options.rounds = 1;
  std::vector<std::string> reported;
  options.on_line = [&](const BenchLine& line) { reported.push_back(line.case_name); };
  const std::vector<BenchLine> lines = RunShardBench(options);
  EXPECT_THAT(reported, ::testing::ElementsAre("pull/memory/4MiB/1", "push/memory/4MiB/1", "push_slices/memory/4MiB/1",
                                               "push_read/memory/4MiB/1", "push/memory/4MiB/2", "copy/memory/4MiB/2"));
  ASSERT_EQ(lines.size(), reported.size());
  for (const BenchLine& line : lines) {
    EXPECT_EQ(line.bench, "store");
    EXPECT_GT(line.value, 0) << line.case_name;
    EXPECT_GT(line.ratio, 0) << line.case_name;
  }
}

}  // namespace
}  // namespace downpour
