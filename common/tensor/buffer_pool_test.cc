#include "common/tensor/buffer_pool.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

constexpr size_t kPlenty = size_t{1} << 30;

TEST(BufferPoolTest, GivesMemoryThatCameBackOutAgain) {
  BufferPool pool(kPlenty);
  std::byte* memory = nullptr;
  {
    const AlignedBuffer buffer = *pool.Allocate(1000);
    memory = buffer.data();
    EXPECT_EQ(buffer.size(), 1000u);
    EXPECT_EQ(pool.stats().bytes_in_use, 1024);
  }
  EXPECT_EQ(pool.stats().bytes_in_use, 0);
  EXPECT_EQ(pool.stats().bytes_kept, 1024);
  const AlignedBuffer again = *pool.Allocate(900);
  EXPECT_EQ(again.data(), memory);
  EXPECT_EQ(again.size(), 900u);
  EXPECT_EQ(pool.stats().allocated, 1);
  EXPECT_EQ(pool.stats().reused, 1);
  EXPECT_EQ(pool.stats().bytes_kept, 0);
}

TEST(BufferPoolTest, GivesOutTheLastOneBackFirst) {
  BufferPool pool(kPlenty);
  std::optional<AlignedBuffer> a = *pool.Allocate(100);
  std::optional<AlignedBuffer> b = *pool.Allocate(100);
  std::byte* const memory = a->data();
  b.reset();
  a.reset();
  EXPECT_EQ(pool.Allocate(100)->data(), memory);
}

TEST(BufferPoolTest, BuffersOfEverySizeHoldWhatWasAskedForWithAtMostAQuarterMore) {
  BufferPool pool(0);
  PhiloxStream random(1);
  for (int i = 0; i < 2000; ++i) {
    const size_t size = i < 700 ? i : random.UniformInt(uint64_t{1} << (10 + i % 14));
    const AlignedBuffer buffer = *pool.Allocate(size);
    ASSERT_EQ(buffer.size(), size);
    ASSERT_GE(buffer.capacity(), size);
    ASSERT_LE(buffer.capacity(), size + size / 4 + AlignedBuffer::kAlignment) << size;
    ASSERT_EQ(buffer.capacity() % AlignedBuffer::kAlignment, 0u);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % AlignedBuffer::kAlignment, 0u);
  }
}

TEST(BufferPoolTest, PowersOfTwoHaveNoPadding) {
  BufferPool pool(0);
  for (size_t size = AlignedBuffer::kAlignment; size <= size_t{1} << 26; size *= 2) {
    EXPECT_EQ(pool.Allocate(size)->capacity(), size);
  }
}

// A class that lost track of its size would give out a smaller buffer than was asked for.
TEST(BufferPoolTest, ReusedBuffersAreLargeEnough) {
  BufferPool pool(kPlenty);
  PhiloxStream random(2);
  for (int i = 0; i < 5000; ++i) {
    const size_t size = random.UniformInt(uint64_t{1} << (1 + i % 17));
    const AlignedBuffer buffer = *pool.Allocate(size);
    std::memset(buffer.data(), i, buffer.capacity());  // for the address sanitizer
  }
  EXPECT_GT(pool.stats().reused, 4000);
}

TEST(BufferPoolTest, KeepsNoMoreThanItsBound) {
  BufferPool pool(3000);
  std::vector<AlignedBuffer> buffers;
  for (int i = 0; i < 5; ++i) buffers.push_back(*pool.Allocate(1024));
  EXPECT_EQ(pool.stats().bytes_in_use, 5 * 1024);
  buffers.clear();
  EXPECT_EQ(pool.stats().bytes_kept, 2 * 1024);
  EXPECT_EQ(pool.stats().bytes_in_use, 0);
}

TEST(BufferPoolTest, BuffersMayOutliveThePool) {
  std::optional<BufferPool> pool(kPlenty);
  const AlignedBuffer kept_by_the_pool = *pool->Allocate(100);
  std::optional<AlignedBuffer> buffer = *pool->Allocate(100);
  pool.reset();
  std::memset(buffer->data(), 1, buffer->size());
  buffer.reset();  // the leak sanitizer sees to it that this frees the memory
}

TEST(BufferPoolTest, RefusesWhatNoMachineHasAndCountsNothing) {
  BufferPool pool(kPlenty);
  const absl::Status status = pool.Allocate(std::numeric_limits<size_t>::max()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(pool.stats().bytes_in_use, 0);
  EXPECT_EQ(pool.stats().allocated, 0);
}

TEST(BufferPoolTest, ManyThreadsShareIt) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  BufferPool pool(size_t{1} << 20);
  // Buffers end on other threads than they were made on: they wander through these slots.
  Mutex mutex;
  std::vector<AlignedBuffer> slots(16);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      PhiloxStream random(3, t);
      for (int i = 0; i < kRounds; ++i) {
        AlignedBuffer buffer = *pool.Allocate(random.UniformInt(4096));
        const int mark = static_cast<int>(random.UniformInt(256));
        std::memset(buffer.data(), mark, buffer.size());
        for (const std::byte byte : buffer.bytes()) ASSERT_EQ(byte, std::byte(mark));
        MutexLock lock(&mutex);
        std::swap(buffer, slots[random.UniformInt(slots.size())]);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  slots.clear();
  const BufferPoolStats stats = pool.stats();
  EXPECT_EQ(stats.bytes_in_use, 0);
  EXPECT_EQ(stats.allocated + stats.reused, kThreads * kRounds);
  EXPECT_GT(stats.reused, stats.allocated);
  EXPECT_LE(stats.bytes_kept, 1 << 20);
}

}  // namespace
}  // namespace downpour
