#include "server/shard/sequence_window.h"

#include <map>

#include "gtest/gtest.h"

namespace downpour {
namespace {

using Fate = SequenceWindow::Fate;

TEST(SequenceWindowTest, RemembersWhatBecameOfEachNumber) {
  SequenceWindow window;
  EXPECT_EQ(window.FateOf(1), Fate::kUnknown);
  window.Finish(1, /*applied=*/true);
  window.Finish(4, /*applied=*/false);
  window.Take(3);
  EXPECT_EQ(window.FateOf(1), Fate::kApplied);
  EXPECT_EQ(window.FateOf(2), Fate::kUnknown);
  EXPECT_EQ(window.FateOf(3), Fate::kTaken);
  EXPECT_EQ(window.FateOf(4), Fate::kDropped);
  EXPECT_EQ(window.FateOf(5), Fate::kUnknown);
  EXPECT_EQ(window.highest(), 4u);
  window.Finish(3, /*applied=*/true);
  EXPECT_EQ(window.FateOf(3), Fate::kApplied);
}

TEST(SequenceWindowTest, ReachesSixtyFourNumbersUpAndDown) {
  SequenceWindow window;
  EXPECT_EQ(window.FateOf(64), Fate::kUnknown);
  EXPECT_EQ(window.FateOf(65), Fate::kAhead);
  window.Finish(1, true);
  EXPECT_EQ(window.FateOf(65), Fate::kUnknown);
  EXPECT_EQ(window.FateOf(66), Fate::kAhead);
  window.Finish(64, true);
  EXPECT_EQ(window.FateOf(1), Fate::kApplied);
  window.Finish(65, true);
  EXPECT_EQ(window.FateOf(1), Fate::kOld);
  EXPECT_EQ(window.FateOf(2), Fate::kUnknown) << "the lowest of the window";
  window.Finish(129, true);
  EXPECT_EQ(window.FateOf(65), Fate::kOld);
  EXPECT_EQ(window.FateOf(66), Fate::kUnknown);
}

TEST(SequenceWindowTest, WhatIsHeldNeverLeavesTheWindow) {
  SequenceWindow window;
  window.Take(3);
  EXPECT_EQ(window.FateOf(66), Fate::kUnknown);
  EXPECT_EQ(window.FateOf(67), Fate::kAhead);
  window.Finish(66, true);
  EXPECT_EQ(window.FateOf(3), Fate::kTaken);
  EXPECT_EQ(window.FateOf(67), Fate::kAhead);
  window.Finish(3, true);
  EXPECT_EQ(window.FateOf(67), Fate::kUnknown);
}

TEST(SequenceWindowTest, AReleasedNumberIsNewAgain) {
  SequenceWindow window;
  window.Take(5);
  window.Release(5);
  EXPECT_EQ(window.FateOf(5), Fate::kUnknown);
  window.Finish(5, true);
  EXPECT_EQ(window.FateOf(5), Fate::kApplied);
}

TEST(SequenceWindowTest, TheLargestNumbersDoNotOverflow) {
  SequenceWindow window;
  EXPECT_EQ(window.FateOf(UINT64_MAX), Fate::kAhead);
}

TEST(SequenceWindowTest, AgreesWithABookOfAllNumbers) {
  SequenceWindow window;
  std::map<uint64_t, Fate> book;
  uint64_t random = 1;
  uint64_t highest = 0;
  for (int step = 0; step < 20000; ++step) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const uint64_t sequence = 1 + highest - std::min<uint64_t>(highest, 70) + (random >> 33) % 90;
    const Fate fate = window.FateOf(sequence);
    bool blocked = false;
    for (const auto& [taken, what] : book) blocked = blocked || (what == Fate::kTaken && taken + 64 <= sequence);
    const auto known = book.find(sequence);
    if (sequence > highest) {
      ASSERT_EQ(fate, sequence - highest > 64 || blocked ? Fate::kAhead : Fate::kUnknown);
    } else if (highest - sequence >= 64) {
      ASSERT_EQ(fate, Fate::kOld);
    } else {
      ASSERT_EQ(fate, known != book.end() ? known->second : Fate::kUnknown);
    }
    if (fate == Fate::kTaken) {
      const bool applied = (random >> 20) % 2 == 0;
      window.Finish(sequence, applied);
      book[sequence] = applied ? Fate::kApplied : Fate::kDropped;
    } else if (fate == Fate::kUnknown) {
      const int choice = (random >> 20) % 3;
      if (choice == 0) {
        window.Take(sequence);
        book[sequence] = Fate::kTaken;
      } else {
        window.Finish(sequence, choice == 1);
        book[sequence] = choice == 1 ? Fate::kApplied : Fate::kDropped;
      }
      highest = std::max(highest, sequence);
    }
  }
}

}  // namespace
}  // namespace downpour
