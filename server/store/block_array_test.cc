#include "server/store/block_array.h"

#include <optional>

#include "gtest/gtest.h"

namespace downpour {
namespace {

constexpr size_t kElements = 2 * kBlockElements + 10;

BlockArray Filled(BlockPool* pool, float value) {
  std::optional<BlockArray> array = BlockArray::Create(pool, kElements);
  for (size_t i = 0; i < array->block_count(); ++i) {
    std::fill_n(array->current().blocks[i]->data(), array->BlockSize(i), value);
  }
  return std::move(*array);
}

void Update(BlockArray* array, float value) {
  ASSERT_TRUE(array->BeginUpdate());
  for (size_t i = 0; i < array->block_count(); ++i) std::fill_n(array->out(i), array->BlockSize(i), value);
}

TEST(BlockArrayTest, HasFullBlocksAndARest) {
  BlockPool pool;
  const BlockArray array = Filled(&pool, 0);
  ASSERT_EQ(array.block_count(), 3u);
  EXPECT_EQ(array.BlockSize(0), kBlockElements);
  EXPECT_EQ(array.BlockSize(1), kBlockElements);
  EXPECT_EQ(array.BlockSize(2), 10u);
  EXPECT_EQ(array.current().blocks[2]->capacity(), 64u);
}

TEST(BlockArrayTest, IsWrittenInPlaceWhenNobodyReads) {
  BlockPool pool;
  BlockArray array = Filled(&pool, 1);
  const float* const before = array.in(1);
  ASSERT_TRUE(array.BeginUpdate());
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(array.in(i), array.out(i));
  EXPECT_EQ(array.CommitUpdate(), 0u);
  EXPECT_EQ(array.in(1), before);
  EXPECT_EQ(pool.statistics().blocks_in_use, 3u);
}

TEST(BlockArrayTest, ASnapshotKeepsItsValuesWhileUpdatesGoOn) {
  BlockPool pool;
  BlockArray array = Filled(&pool, 1);
  const Snapshot one = array.current();
  Update(&array, 2);
  EXPECT_EQ(array.CommitUpdate(), 3u);
  const Snapshot two = array.current();
  Update(&array, 3);
  EXPECT_EQ(array.current().block(0)[0], 2) << "an update that is not committed is not seen";
  EXPECT_EQ(array.CommitUpdate(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(one.block(i).back(), 1);
    EXPECT_EQ(two.block(i).back(), 2);
    EXPECT_EQ(array.current().block(i).back(), 3);
  }
}

TEST(BlockArrayTest, OnlyBlocksThatAreReadAreReplaced) {
  BlockPool pool;
  BlockArray array = Filled(&pool, 1);
  const BlockRef middle = array.current().blocks[1];
  Update(&array, 2);
  EXPECT_EQ(array.CommitUpdate(), 1u);
  EXPECT_EQ(middle->data()[0], 1);
  EXPECT_NE(array.current().blocks[1].get(), middle.get());
  EXPECT_EQ(array.current().block(1)[0], 2);
}

TEST(BlockArrayTest, WithoutMemoryNothingChanges) {
  const size_t three = 2 * kBlockElements * sizeof(float) + 256;
  BlockPool pool({.bytes_in_use_max = three + kBlockElements * sizeof(float)});
  BlockArray array = Filled(&pool, 1);
  Snapshot snapshot = array.current();
  EXPECT_FALSE(array.BeginUpdate());
  EXPECT_EQ(pool.statistics().bytes_in_use, three);
  EXPECT_EQ(array.in(0), array.out(0));
  snapshot = Snapshot();
  Update(&array, 2);
  EXPECT_EQ(array.CommitUpdate(), 0u);
  EXPECT_FALSE(BlockArray::Create(&pool, kElements).has_value());
}

}  // namespace
}  // namespace downpour
