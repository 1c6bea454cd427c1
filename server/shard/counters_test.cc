#include "server/shard/counters.h"

#include <set>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(StalenessHistogramTest, IsExactUpTo63AndThenGoesByPowersOfTwo) {
  for (uint64_t staleness = 0; staleness < 64; ++staleness) {
    EXPECT_EQ(StalenessHistogram::BucketOf(staleness), staleness);
    EXPECT_EQ(StalenessHistogram::LowerBound(staleness), staleness);
  }
  EXPECT_EQ(StalenessHistogram::BucketOf(64), 64u);
  EXPECT_EQ(StalenessHistogram::BucketOf(127), 64u);
  EXPECT_EQ(StalenessHistogram::BucketOf(128), 65u);
  EXPECT_EQ(StalenessHistogram::LowerBound(65), 128u);
  EXPECT_EQ(StalenessHistogram::BucketOf(UINT64_MAX), StalenessHistogram::kBuckets - 1);
  EXPECT_EQ(StalenessHistogram::LowerBound(StalenessHistogram::kBuckets - 1), uint64_t{1} << 63);
}

TEST(StalenessHistogramTest, AddsUpAndSaturates) {
  StalenessHistogram histogram;
  histogram.Add(3);
  histogram.Add(3);
  histogram.Add(100);
  EXPECT_EQ(histogram.counts[3], 2u);
  EXPECT_EQ(histogram.counts[64], 1u);
  EXPECT_EQ(histogram.sum, 106u);
  histogram.Add(UINT64_MAX);
  histogram.Add(1);
  EXPECT_EQ(histogram.sum, UINT64_MAX);
}

TEST(RefusalTest, EveryReasonHasANameOfItsOwnAndACode) {
  std::set<std::string_view> names;
  for (size_t i = 1; i < kRefusalReasonCount; ++i) {
    const Refusal refusal(static_cast<RefusalReason>(i), "message");
    EXPECT_TRUE(refusal);
    EXPECT_FALSE(refusal.status.ok());
    EXPECT_NE(refusal.status.code(), absl::StatusCode::kInternal) << i;
    EXPECT_TRUE(names.insert(RefusalReasonName(refusal.reason)).second) << RefusalReasonName(refusal.reason);
  }
  EXPECT_FALSE(Refusal());
}

}  // namespace
}  // namespace downpour
