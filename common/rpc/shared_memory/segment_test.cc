#include "common/rpc/shared_memory/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

constexpr SegmentShape kShape = {3, 8192};

TEST(SegmentTest, IsTheSameMemoryForWhoAdoptsIt) {
  const auto made = Segment::Create(kShape);
  ASSERT_TRUE(made.ok()) << made.status();
  const auto adopted = Segment::Adopt(made->fd, kShape);
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  ASSERT_NE(made->segment->memory(Direction::kToServer, 0).data(), (*adopted)->memory(Direction::kToServer, 0).data());

  std::byte mark{1};
  for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
    for (uint32_t slot = 0; slot < kShape.slot_count; ++slot) {
      const auto memory = made->segment->memory(direction, slot);
      ASSERT_EQ(memory.size(), kShape.slot_bytes);
      memory.front() = memory.back() = mark;
      made->segment->header(direction, slot).generation = static_cast<uint64_t>(mark);
      made->segment->release(direction, slot).generation = 100 + static_cast<uint64_t>(mark);
      mark = static_cast<std::byte>(static_cast<int>(mark) + 1);
    }
  }
  mark = std::byte{1};
  for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
    for (uint32_t slot = 0; slot < kShape.slot_count; ++slot) {
      const auto memory = (*adopted)->memory(direction, slot);
      EXPECT_EQ(memory.front(), mark);
      EXPECT_EQ(memory[1], std::byte{0});
      EXPECT_EQ(memory.back(), mark);
      EXPECT_EQ((*adopted)->header(direction, slot).generation, static_cast<uint64_t>(mark));
      EXPECT_EQ((*adopted)->release(direction, slot).generation, 100 + static_cast<uint64_t>(mark));
      mark = static_cast<std::byte>(static_cast<int>(mark) + 1);
    }
  }
}

TEST(SegmentTest, CannotBeCutShortByAnybody) {
  const auto made = Segment::Create(kShape);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_NE(ftruncate(made->fd.get(), 4096), 0);
  EXPECT_NE(ftruncate(made->fd.get(), 1 << 20), 0);
}

TEST(SegmentTest, RefusesMemoryThatCouldBeCutShort) {
  const OwnedFd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(fd.get(), static_cast<off_t>(SegmentBytes(kShape))), 0);
  EXPECT_THAT(Segment::Adopt(fd, kShape).status().message(), HasSubstr("could shrink"));
  ASSERT_EQ(fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  EXPECT_TRUE(Segment::Adopt(fd, kShape).ok());
}

TEST(SegmentTest, RefusesWhatIsNoMemoryOrOfAnotherSize) {
  const auto made = Segment::Create(kShape);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_THAT(Segment::Adopt(made->fd, {4, 8192}).status().message(), HasSubstr("and not the"));
  EXPECT_THAT(Segment::Adopt(made->fd, {2, 8192}).status().message(), HasSubstr("and not the"));
  const OwnedFd file(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(Segment::Adopt(file, kShape).ok());
  EXPECT_FALSE(Segment::Adopt(OwnedFd(), kShape).ok());
}

TEST(SegmentTest, RefusesShapesBeyondReason) {
  for (const SegmentShape shape : {SegmentShape{0, 4096},
                                   {1025, 4096},
                                   {1, 0},
                                   {1, 4095},
                                   {1, 5000},
                                   {1, 8u << 20},
                                   {1024, 4u << 20},
                                   {~0u, ~0u}}) {
    EXPECT_FALSE(CheckShape(shape).ok()) << shape.slot_count << " of " << shape.slot_bytes;
    EXPECT_FALSE(Segment::Create(shape).ok());
  }
  EXPECT_TRUE(CheckShape({1024, 4096}).ok());
  EXPECT_TRUE(CheckShape({1, 4u << 20}).ok());
}

TEST(SegmentDeathTest, KeepsReadOnlySlotsFromOurOwnMistakes) {
  const auto made = Segment::Create(kShape);
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_TRUE(made->segment->MakeReadOnly(Direction::kToClient).ok());
  made->segment->memory(Direction::kToServer, 2).back() = std::byte{1};
  made->segment->release(Direction::kToClient, 2).generation = 1;
  EXPECT_DEATH(made->segment->memory(Direction::kToClient, 0).front() = std::byte{1}, "");
}

}  // namespace
}  // namespace downpour
