#include "common/tensor/aligned_buffer.h"

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "gtest/gtest.h"

namespace downpour {
namespace {

uintptr_t Address(const AlignedBuffer& buffer) { return reinterpret_cast<uintptr_t>(buffer.data()); }

TEST(AlignedBufferTest, IsAlignedAndPaddedToWholeVectors) {
  for (const size_t size : {0, 1, 63, 64, 65, 4096, 100001}) {
    const AlignedBuffer buffer = *AlignedBuffer::Allocate(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_GE(buffer.capacity(), size);
    EXPECT_EQ(buffer.capacity() % AlignedBuffer::kAlignment, 0u);
    EXPECT_EQ(Address(buffer) % AlignedBuffer::kAlignment, 0u);
    std::memset(buffer.data(), 1, buffer.capacity());
  }
}

TEST(AlignedBufferTest, LargeOnesAreAlignedToHugePages) {
  const AlignedBuffer buffer = *AlignedBuffer::Allocate(AlignedBuffer::kHugePageBytes + 100);
  EXPECT_EQ(Address(buffer) % AlignedBuffer::kHugePageBytes, 0u);
  std::memset(buffer.data(), 1, buffer.capacity());
}

TEST(AlignedBufferTest, MovesTakeTheMemoryAlong) {
  AlignedBuffer a = *AlignedBuffer::Allocate(100);
  std::byte* const memory = a.data();
  AlignedBuffer b = std::move(a);
  EXPECT_EQ(b.data(), memory);
  EXPECT_EQ(a.data(), nullptr);
  EXPECT_EQ(a.size(), 0u);
  AlignedBuffer c = *AlignedBuffer::Allocate(10);
  c = std::move(b);
  EXPECT_EQ(c.data(), memory);
  EXPECT_EQ(c.size(), 100u);
  AlignedBuffer& same = c;
  c = std::move(same);
  EXPECT_EQ(c.data(), memory);
}

TEST(AlignedBufferTest, ElementsAreTheWholeOnesThatFit) {
  const AlignedBuffer buffer = *AlignedBuffer::Allocate(11);
  EXPECT_EQ(buffer.Elements<float>().size(), 2u);
  EXPECT_EQ(buffer.Elements<uint8_t>().size(), 11u);
  EXPECT_EQ(buffer.bytes().size(), 11u);
  EXPECT_TRUE(AlignedBuffer().Elements<float>().empty());
}

TEST(AlignedBufferTest, RefusesWhatNoMachineHas) {
  for (const size_t size : {std::numeric_limits<size_t>::max(), (size_t{1} << 47) + 1}) {
    const absl::Status status = AlignedBuffer::Allocate(size).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  }
}

}  // namespace
}  // namespace downpour
