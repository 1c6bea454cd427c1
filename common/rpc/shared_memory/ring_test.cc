#include "common/rpc/shared_memory/ring.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr SegmentShape kShape = {4, 8192};
constexpr Direction kDirection = Direction::kToServer;

std::shared_ptr<Segment> MakeSegment(const SegmentShape& shape = kShape) {
  auto made = Segment::Create(shape);
  EXPECT_TRUE(made.ok()) << made.status();
  return made->segment;
}

struct Reference {
  uint32_t slot = 0;
  uint64_t generation = 0;
};

Reference Write(RingWriter* writer, std::string_view bytes) {
  const auto slot = writer->Begin();
  if (!slot) return {};
  std::memcpy(slot->memory.data(), bytes.data(), bytes.size());
  writer->Commit(*slot, bytes.size());
  return {slot->index, slot->generation};
}

std::string_view Text(const RingReader::Slot& slot) {
  return {reinterpret_cast<const char*>(slot.bytes.data()), slot.bytes.size()};
}

class RingTest : public ::testing::Test {
 protected:
  const std::shared_ptr<Segment> segment_ = MakeSegment();
  RingWriter writer_{segment_, kDirection};
  RingReader reader_{segment_, kDirection};
};

TEST_F(RingTest, BringsWhatWasCommitted) {
  const Reference first = Write(&writer_, "first");
  const Reference second = Write(&writer_, "the second");
  EXPECT_NE(first.slot, second.slot);
  EXPECT_EQ(Text(*reader_.Open(second.slot, second.generation)), "the second");
  EXPECT_EQ(Text(*reader_.Open(first.slot, first.generation)), "first");
  EXPECT_TRUE(reader_.health().ok());
}

TEST_F(RingTest, GivesNoSlotThatTheReaderHas) {
  std::vector<Reference> given;
  for (uint32_t i = 0; i < kShape.slot_count; ++i) given.push_back(Write(&writer_, "x"));
  EXPECT_FALSE(writer_.Begin());
  EXPECT_EQ(writer_.CountFree(), 0u);

  auto open = *reader_.Open(given[2].slot, given[2].generation);
  EXPECT_FALSE(writer_.Begin());
  auto copy = open.hold;
  open.hold.reset();
  EXPECT_FALSE(writer_.Begin()) << "a copy of the hold is still there";
  copy.reset();
  const auto again = writer_.Begin();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->index, given[2].slot);
  EXPECT_EQ(again->generation, given[2].generation + 1);
}

TEST_F(RingTest, UsesTheSlotThatWasLetGoLast) {
  for (int i = 0; i < 100; ++i) {
    const Reference reference = Write(&writer_, "x");
    EXPECT_EQ(reference.slot, 0u);
    EXPECT_EQ(reference.generation, i + 1u);
    ASSERT_TRUE(reader_.Open(reference.slot, reference.generation).ok());
  }
}

TEST_F(RingTest, TakesBackWhatWasNotSent) {
  const auto slot = writer_.Begin();
  ASSERT_TRUE(slot);
  writer_.TakeBack(*slot);
  EXPECT_EQ(writer_.CountFree(), kShape.slot_count);
  const Reference reference = Write(&writer_, "x");
  EXPECT_EQ(reference.slot, slot->index);
  EXPECT_TRUE(reader_.Open(reference.slot, reference.generation).ok());
}

TEST_F(RingTest, RefusesReferencesToWhatIsNotThere) {
  const Reference reference = Write(&writer_, "x");
  for (const auto& [slot, generation] : std::vector<std::pair<uint32_t, uint64_t>>{{kShape.slot_count, 1},
                                                                                   {~0u, 1},
                                                                                   {reference.slot, 0},
                                                                                   {reference.slot, 2},
                                                                                   {reference.slot, ~0ull},
                                                                                   {1, 1}}) {
    const auto opened = reader_.Open(slot, generation);
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kInvalidArgument) << slot << " " << generation;
  }
  EXPECT_TRUE(reader_.Open(reference.slot, reference.generation).ok());
}

TEST_F(RingTest, OpensEachFillingOnce) {
  const Reference reference = Write(&writer_, "x");
  auto open = reader_.Open(reference.slot, reference.generation);
  ASSERT_TRUE(open.ok());
  EXPECT_THAT(reader_.Open(reference.slot, reference.generation).status().message(),
              HasSubstr("where another is being read"));
  open = absl::CancelledError();
  EXPECT_EQ(reader_.Open(reference.slot, reference.generation).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RingTest, RefusesALateReferenceToASlotThatWasUsedAgain) {
  const Reference old = Write(&writer_, "old");
  ASSERT_TRUE(reader_.Open(old.slot, old.generation).ok());
  const Reference young = Write(&writer_, "young");
  ASSERT_EQ(young.slot, old.slot);
  EXPECT_THAT(reader_.Open(old.slot, old.generation).status().message(), HasSubstr("where generation 2 is"));
  EXPECT_EQ(Text(*reader_.Open(young.slot, young.generation)), "young");
}

TEST_F(RingTest, RefusesASlotThatIsBeingFilled) {
  const auto slot = writer_.Begin();
  ASSERT_TRUE(slot);
  EXPECT_THAT(reader_.Open(slot->index, slot->generation).status().message(), HasSubstr("damaged"));
  writer_.Commit(*slot, 100);
  EXPECT_TRUE(reader_.Open(slot->index, slot->generation).ok());
}

TEST_F(RingTest, RefusesADamagedHeader) {
  const Reference reference = Write(&writer_, "x");
  SlotHeader& header = segment_->header(kDirection, reference.slot);
  for (const uint32_t lie : {0u, 2u, kShape.slot_bytes + 1, ~0u}) {
    header.length.store(lie);
    EXPECT_THAT(reader_.Open(reference.slot, reference.generation).status().message(), HasSubstr("damaged")) << lie;
  }
  header.length.store(1);
  EXPECT_TRUE(reader_.Open(reference.slot, reference.generation).ok());
}

TEST_F(RingTest, NoticesASlotThatWasWrittenWhileItWasRead) {
  const Reference reference = Write(&writer_, "x");
  auto open = *reader_.Open(reference.slot, reference.generation);
  // A writer that does not ask whose the slot is.
  segment_->release(kDirection, reference.slot).generation.store(reference.generation);
  ASSERT_EQ(Write(&writer_, "y").slot, reference.slot);
  EXPECT_TRUE(reader_.health().ok());
  open.hold.reset();
  EXPECT_EQ(reader_.health().code(), absl::StatusCode::kDataLoss);
}

TEST_F(RingTest, GivesNoSlotTwiceWhateverTheReaderWrites) {
  PhiloxStream random(1, 2);
  std::set<uint32_t> given;
  for (int i = 0; i < 10'000; ++i) {
    for (uint32_t slot = 0; slot < kShape.slot_count; ++slot) {
      // Anything but 1, which says that the first filling was let go.
      segment_->release(kDirection, slot).generation.store(random() % 2 == 0 ? random() | 2 : random() % 8 + 2);
    }
    if (const auto slot = writer_.Begin()) {
      EXPECT_TRUE(given.insert(slot->index).second) << slot->index;
    }
  }
  EXPECT_THAT(given, ElementsAre(0, 1, 2, 3));
}

TEST(RingHostileTest, StaysWithinSlotsWhateverTheWriterWrites) {
  PhiloxStream random(3, 4);
  size_t opened = 0;
  for (int round = 0; round < 500; ++round) {
    const auto segment = MakeSegment();
    RingWriter writer(segment, kDirection);
    RingReader reader(segment, kDirection);
    std::vector<RingReader::Slot> held;
    for (int i = 0; i < 20; ++i) {
      const uint32_t slot = random() % kShape.slot_count;
      SlotHeader& header = segment->header(kDirection, slot);
      Write(&writer, "some bytes");
      switch (random() % 6) {
        case 0:
          header.length.store(random() % 2 == 0 ? random() : random() % 10'000);
          break;
        case 1:
          header.generation.store(random() % 4);
          break;
        case 2:
          header.checksum.store(random());
          break;
        default:
          break;
      }
      auto open = reader.Open(random() % (kShape.slot_count + 1), random() % 4);
      if (!open.ok()) continue;
      ++opened;
      ASSERT_LE(open->bytes.size(), kShape.slot_bytes);
      EXPECT_NE(std::count(open->bytes.begin(), open->bytes.end(), std::byte{1}), -1);
      held.push_back(*std::move(open));
      if (held.size() > 2) held.clear();
    }
  }
  EXPECT_GT(opened, 500u);
}

TEST(RingThreadsTest, WakesAWriterThatWaitsForASlot) {
  const auto segment = MakeSegment({1, 4096});
  RingWriter writer(segment, kDirection);
  RingReader reader(segment, kDirection);
  for (int i = 0; i < 200; ++i) {
    const Reference reference = Write(&writer, "x");
    auto open = *reader.Open(reference.slot, reference.generation);
    std::thread letting_go([&open] { open.hold.reset(); });
    const auto slot = writer.Begin(absl::Minutes(1));
    ASSERT_TRUE(slot);
    writer.TakeBack(*slot);
    letting_go.join();
  }
}

TEST(RingThreadsTest, GivesUpWaitingForAReaderThatHangs) {
  const auto segment = MakeSegment({1, 4096});
  RingWriter writer(segment, kDirection);
  Write(&writer, "x");
  EXPECT_FALSE(writer.Begin(absl::Milliseconds(1)));
}

// A writer and a reader at once, the reader letting go in another order and on another thread than it opens.
TEST(RingThreadsTest, KeepsEveryPayloadWholeUnderConcurrency) {
  constexpr int kCount = 5000;
  const auto segment = MakeSegment({6, 4096});
  Mutex mutex;
  CondVar changed;
  std::deque<std::pair<int, Reference>> sent;
  std::deque<std::pair<int, RingReader::Slot>> opened;

  std::thread writing([&] {
    RingWriter writer(segment, kDirection);
    for (int i = 0; i < kCount;) {
      const auto slot = writer.Begin();
      if (!slot) {
        std::this_thread::yield();
        continue;
      }
      std::memset(slot->memory.data(), i & 0xff, 4096);
      writer.Commit(*slot, 1 + i % 4096);
      MutexLock lock(&mutex);
      sent.push_back({i++, {slot->index, slot->generation}});
      changed.SignalAll();
    }
  });
  RingReader reader(segment, kDirection);
  std::thread opening([&] {
    for (int i = 0; i < kCount; ++i) {
      std::pair<int, Reference> next;
      {
        MutexLock lock(&mutex);
        while (sent.empty()) changed.Wait(&mutex);
        next = sent.front();
        sent.pop_front();
      }
      auto slot = reader.Open(next.second.slot, next.second.generation);
      ASSERT_TRUE(slot.ok()) << slot.status();
      MutexLock lock(&mutex);
      opened.push_back({next.first, *std::move(slot)});
      changed.SignalAll();
    }
  });
  for (int i = 0; i < kCount; ++i) {
    std::pair<int, RingReader::Slot> next;
    {
      MutexLock lock(&mutex);
      while (opened.empty()) changed.Wait(&mutex);
      // From either end.
      std::swap(opened.front(), i % 2 == 0 ? opened.front() : opened.back());
      next = std::move(opened.front());
      opened.pop_front();
    }
    ASSERT_EQ(next.second.bytes.size(), 1u + next.first % 4096);
    for (const std::byte byte : next.second.bytes) ASSERT_EQ(byte, static_cast<std::byte>(next.first & 0xff));
  }
  writing.join();
  opening.join();
  EXPECT_TRUE(reader.health().ok());
}

}  // namespace
}  // namespace downpour
