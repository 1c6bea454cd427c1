#include "kernels/cuda/vector_loop.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

namespace downpour {
namespace {

struct Visits {
  uintptr_t address;
  std::vector<int> count;

  void One(int64_t i) { ++count.at(i); }
  void Four(int64_t i) {
    EXPECT_EQ((address + i * sizeof(float)) % 16, 0u) << "group at element " << i;
    for (int64_t j = i; j < i + kFloatsPerVector; ++j) ++count.at(j);
  }
};

TEST(VectorLoopTest, EveryElementIsVisitedOnceAndGroupsAreAlignedForAnyStartSizeAndThreadCount) {
  for (uintptr_t address : {0u, 4u, 8u, 12u, 4096u, 4100u}) {
    for (int64_t size = 0; size < 70; ++size) {
      for (int64_t threads : {1, 2, 3, 7, 64, 200}) {
        Visits visits{address, std::vector<int>(size)};
        const VectorSplit split = SplitVectors(address, size);
        for (int64_t thread = 0; thread < threads; ++thread) {
          ForShareOfThread(split, thread, threads, visits);
        }
        EXPECT_EQ(visits.count, std::vector<int>(size, 1))
            << "address " << address << " size " << size << " threads " << threads;
      }
    }
  }
}

TEST(VectorLoopTest, AtMostThreeElementsOnEachSideAreSingle) {
  for (uintptr_t address : {0u, 4u, 8u, 12u}) {
    for (int64_t size = 0; size < 70; ++size) {
      const VectorSplit split = SplitVectors(address, size);
      EXPECT_LE(split.head, 3);
      EXPECT_LE(split.SingleCount() - split.head, 3);
    }
  }
}

TEST(VectorLoopTest, TwoArraysShareGroupsOnlyWhenTheirBoundariesFallTogether) {
  EXPECT_EQ(SplitVectors(4, 20, 100).vectors, SplitVectors(4, 100).vectors);
  EXPECT_EQ(SplitVectors(20, 4, 100).head, 3);
  for (uintptr_t shift : {4u, 8u, 12u}) {
    EXPECT_EQ(SplitVectors(shift, 0, 100).vectors, 0);
    EXPECT_EQ(SplitVectors(0, shift, 100).vectors, 0);
    EXPECT_EQ(SplitVectors(0, shift, 100).SingleCount(), 100);
  }
}

TEST(VectorLoopTest, BlocksCoverTheWorkUpToTheirLimit) {
  EXPECT_EQ(BlockCount(SplitVectors(0, 0)), 0);
  EXPECT_EQ(BlockCount(SplitVectors(0, 1)), 1);
  EXPECT_EQ(BlockCount(SplitVectors(0, 4 * kThreadsPerBlock)), 1);
  EXPECT_EQ(BlockCount(SplitVectors(0, 4 * kThreadsPerBlock + 4)), 2);
  EXPECT_EQ(BlockCount(SplitVectors(0, 4, kThreadsPerBlock + 1)), 2);  // all single
  EXPECT_EQ(BlockCount(SplitVectors(0, std::numeric_limits<int64_t>::max() / 8)), kBlocksMax);
}

TEST(VectorLoopTest, NonFiniteIsInfinityAndNanOnly) {
  using Limits = std::numeric_limits<float>;
  for (float value : {0.0f, -0.0f, 1.0f, Limits::max(), Limits::lowest(), Limits::denorm_min()}) {
    EXPECT_FALSE(IsNonFinite(std::bit_cast<uint32_t>(value))) << value;
  }
  for (float value : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), -Limits::signaling_NaN()}) {
    EXPECT_TRUE(IsNonFinite(std::bit_cast<uint32_t>(value))) << value;
  }
}

}  // namespace
}  // namespace downpour
