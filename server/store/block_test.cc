#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/store/block_pool.h"

namespace downpour {
namespace {

TEST(BlockTest, IsAlignedAndLargeEnough) {
  BlockPool pool;
  for (const size_t elements : {size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{1000}, kBlockElements}) {
    const BlockRef block = pool.Allocate(elements);
    ASSERT_TRUE(block);
    EXPECT_GE(block->capacity(), elements);
    EXPECT_LT(block->capacity(), 2 * elements + 64);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block->data()) % kBlockAlignment, 0u);
    block->data()[0] = 1;
    block->data()[block->capacity() - 1] = 2;
  }
}

TEST(BlockTest, IsUniqueUntilItIsCopied) {
  BlockPool pool;
  BlockRef block = pool.Allocate(10);
  EXPECT_TRUE(block.unique());
  std::optional<BlockRef> copy = block;
  EXPECT_FALSE(block.unique());
  EXPECT_EQ(copy->get(), block.get());
  BlockRef moved = std::move(*copy);
  EXPECT_FALSE(*copy);
  EXPECT_FALSE(block.unique());
  moved = BlockRef();
  EXPECT_TRUE(block.unique());
  const BlockRef& same = block;
  block = same;
  EXPECT_TRUE(block.unique());
}

TEST(BlockPoolTest, GivesABlockOutAgainWhenTheLastReferenceIsGone) {
  BlockPool pool;
  for (const size_t elements : {size_t{64}, kBlockElements}) {
    BlockRef first = pool.Allocate(elements);
    const Block* const address = first.get();
    const uint64_t allocated = pool.statistics().blocks_allocated;
    {
      const BlockRef copy = first;
      first = BlockRef();
      EXPECT_EQ(pool.statistics().blocks_in_use, 1u);
    }
    EXPECT_EQ(pool.statistics().blocks_in_use, 0u);
    EXPECT_EQ(pool.Allocate(elements).get(), address);
    EXPECT_EQ(pool.statistics().blocks_allocated, allocated);
  }
}

TEST(BlockPoolTest, CountsWhatIsInUseAndKept) {
  BlockPool pool;
  std::vector<BlockRef> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(pool.Allocate(kBlockElements));
  blocks.push_back(pool.Allocate(64));
  const size_t full = kBlockElements * sizeof(float);
  EXPECT_EQ(pool.statistics().blocks_in_use, 4u);
  EXPECT_EQ(pool.statistics().bytes_in_use, 3 * full + 256);
  EXPECT_EQ(pool.statistics().blocks_kept, 5u) << "the rest of the slab";
  EXPECT_EQ(pool.statistics().bytes_kept, 5 * full);
  EXPECT_EQ(pool.statistics().blocks_allocated, 9u);
  blocks.erase(blocks.begin());
  EXPECT_EQ(pool.statistics().bytes_in_use, 2 * full + 256);
  EXPECT_EQ(pool.statistics().bytes_in_use_peak, 3 * full + 256);
  EXPECT_EQ(pool.statistics().blocks_kept, 6u);
}

TEST(BlockPoolTest, BlocksOfASlabAreApart) {
  BlockPool pool;
  std::vector<BlockRef> blocks;
  for (int i = 0; i < 20; ++i) {
    blocks.push_back(pool.Allocate(kBlockElements));
    std::fill_n(blocks.back()->data(), kBlockElements, static_cast<float>(i));
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(std::count(blocks[i]->data(), blocks[i]->data() + kBlockElements, static_cast<float>(i)),
              static_cast<ptrdiff_t>(kBlockElements));
  }
}

TEST(BlockPoolTest, WholeSlabsBeyondTheBoundGoBackToTheSystem) {
  BlockPool pool({.bytes_kept_max = 10 * kBlockElements * sizeof(float)});
  std::vector<BlockRef> blocks;
  for (int i = 0; i < 24; ++i) blocks.push_back(pool.Allocate(kBlockElements));
  EXPECT_EQ(pool.statistics().blocks_allocated, 24u);
  // One block of each slab in use: nothing can go back, and all that is free is of use.
  std::vector<BlockRef> one_of_each = {blocks[0], blocks[8], blocks[16]};
  blocks.clear();
  EXPECT_EQ(pool.statistics().blocks_kept, 21u);
  for (int i = 0; i < 21; ++i) blocks.push_back(pool.Allocate(kBlockElements));
  EXPECT_EQ(pool.statistics().blocks_allocated, 24u);
  blocks.clear();
  one_of_each.clear();
  EXPECT_LE(pool.statistics().blocks_kept, 10u);
  EXPECT_EQ(pool.statistics().blocks_in_use, 0u);
}

TEST(BlockPoolTest, ShortBlocksBeyondTheBoundGoBackOneByOne) {
  BlockPool pool({.bytes_kept_max = 2 * 64 * sizeof(float)});
  std::vector<BlockRef> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(pool.Allocate(64));
  blocks.clear();
  EXPECT_EQ(pool.statistics().blocks_kept, 2u);
}

TEST(BlockPoolTest, GivesNothingBeyondItsLimitAndGoesOnAfterwards) {
  BlockPool pool({.bytes_in_use_max = 2 * kBlockElements * sizeof(float)});
  BlockRef first = pool.Allocate(kBlockElements);
  const BlockRef second = pool.Allocate(kBlockElements);
  EXPECT_TRUE(second);
  EXPECT_FALSE(pool.Allocate(1));
  EXPECT_EQ(pool.statistics().blocks_in_use, 2u);
  first = BlockRef();
  EXPECT_TRUE(pool.Allocate(1));
}

TEST(BlockPoolTest, HasNoBlockOfNoOrTooManyElements) {
  BlockPool pool;
  EXPECT_FALSE(pool.Allocate(0));
  EXPECT_FALSE(pool.Allocate(kBlockElements + 1));
  EXPECT_FALSE(pool.Allocate(SIZE_MAX));
}

TEST(BlockPoolTest, BlocksOutliveThePool) {
  std::optional<BlockPool> pool(std::in_place);
  BlockRef block = pool->Allocate(100);
  BlockRef kept = pool->Allocate(100);
  kept = BlockRef();
  block->data()[99] = 7;
  pool.reset();
  const BlockRef copy = block;
  block = BlockRef();
  EXPECT_EQ(copy->data()[99], 7);
}

TEST(BlockPoolTest, FullBlocksOutliveThePoolSlabBySlab) {
  std::vector<BlockRef> blocks;
  {
    BlockPool pool;
    for (int i = 0; i < 12; ++i) blocks.push_back(pool.Allocate(kBlockElements));
  }
  for (BlockRef& block : blocks) {
    block->data()[kBlockElements - 1] = 1;
    block = BlockRef();
  }
}

// What a reader sees through its reference is never overwritten by whoever finds the block unique afterwards; the
// thread sanitizer checks that the order is a guarantee and not luck.
TEST(BlockPoolTest, ThreadsMayShareBlocksAndThePool) {
  BlockPool pool;
  BlockRef shared = pool.Allocate(64);
  for (int round = 0; round < 200; ++round) {
    if (!shared.unique()) shared = pool.Allocate(64);
    for (int i = 0; i < 64; ++i) shared->data()[i] = static_cast<float>(round);
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 2; ++reader) {
      readers.emplace_back([mine = shared, round, &pool]() mutable {
        for (int i = 0; i < 64; ++i) ASSERT_EQ(mine->data()[i], static_cast<float>(round));
        const BlockRef other = pool.Allocate(64);
        mine = BlockRef();
      });
    }
    if (shared.unique()) shared->data()[0] = -1;
    for (std::thread& reader : readers) reader.join();
  }
  EXPECT_EQ(pool.statistics().blocks_in_use, 1u);
}

}  // namespace
}  // namespace downpour
