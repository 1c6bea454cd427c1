#include "server/membership/members.h"

#include <limits>

#include "gtest/gtest.h"

namespace downpour {
namespace {

constexpr absl::Duration kNow = absl::Seconds(100);

TEST(MembersTest, EachIncarnationIsLargerThanTheOneBefore) {
  Members members;
  EXPECT_EQ(members.NextIncarnation(3), 1);
  members.Join(3, 7, 0, kNow);
  EXPECT_EQ(members.NextIncarnation(3), 8);
  EXPECT_TRUE(members.Leave(3, 7));
  EXPECT_EQ(members.NextIncarnation(3), 8);
  EXPECT_EQ(members.NextIncarnation(4), 1);
}

TEST(MembersTest, ARetryOfTheJoinIsAllRightAndASmallerIncarnationIsNot) {
  Members members;
  members.Join(3, 7, 5, kNow);
  EXPECT_TRUE(members.CheckJoin(3, 7).ok());
  members.Join(3, 7, 9, kNow);
  EXPECT_EQ(members.Find(3)->join_clock, 5);
  EXPECT_EQ(members.CheckJoin(3, 6).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(members.CheckJoin(3, 8).ok());
}

TEST(MembersTest, WhatHasLeftDoesNotComeBack) {
  Members members;
  members.Join(3, 7, 0, kNow);
  EXPECT_TRUE(members.Leave(3, 7));
  EXPECT_FALSE(members.Leave(3, 7));
  EXPECT_EQ(members.CheckJoin(3, 7).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(MembersTest, AJoinThatArrivesAfterItsLeaveDoesNotBringTheDeadBack) {
  Members members;
  EXPECT_FALSE(members.Leave(3, 2));
  EXPECT_EQ(members.CheckJoin(3, 2).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(members.CheckJoin(3, 1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(members.CheckJoin(3, 3).ok());
}

TEST(MembersTest, TheLeaveOfAnotherIncarnationChangesNothingForTheLiveOne) {
  Members members;
  members.Join(3, 7, 0, kNow);
  EXPECT_FALSE(members.Leave(3, 6));
  EXPECT_TRUE(members.CheckLive(3, 7).ok());
}

TEST(MembersTest, ALeaveAheadOfItsJoinIsRememberedWhileAnEarlierIncarnationLives) {
  Members members;
  members.Join(3, 7, 0, kNow);
  EXPECT_FALSE(members.Leave(3, 8));
  EXPECT_TRUE(members.CheckLive(3, 7).ok());
  EXPECT_FALSE(members.CheckJoin(3, 8).ok());
  EXPECT_EQ(members.NextIncarnation(3), 9);
}

TEST(MembersTest, TellsTheReplacedFromThoseThatHaveToJoin) {
  Members members;
  EXPECT_EQ(members.CheckLive(3, 1).code(), absl::StatusCode::kFailedPrecondition);
  members.Join(3, 7, 0, kNow);
  EXPECT_EQ(members.CheckLive(3, 6).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(members.CheckLive(3, 8).code(), absl::StatusCode::kFailedPrecondition);
  members.Leave(3, 7);
  EXPECT_EQ(members.CheckLive(3, 7).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(MembersTest, NamesTheSilentAndOnlyThem) {
  Members members;
  members.Join(1, 1, 0, kNow);
  members.Join(2, 1, 0, kNow);
  members.Join(3, 1, 0, kNow);
  members.Leave(3, 1);
  EXPECT_TRUE(members.Heard(1, 1, std::nullopt, kNow + absl::Seconds(5)).ok());
  const auto silent = members.SilentFor(absl::Seconds(9), kNow + absl::Seconds(10));
  ASSERT_EQ(silent.size(), 1);
  EXPECT_EQ(silent[0].worker, 2);
  EXPECT_TRUE(members.SilentFor(absl::Seconds(10), kNow + absl::Seconds(10)).empty());
}

TEST(MembersTest, APauseOfTheServerIsNobodysSilence) {
  Members members;
  members.Join(1, 1, 0, kNow);
  members.Excuse(absl::Seconds(60));
  EXPECT_TRUE(members.SilentFor(absl::Seconds(10), kNow + absl::Seconds(61)).empty());
  EXPECT_EQ(members.SilentFor(absl::Seconds(10), kNow + absl::Seconds(71)).size(), 1);
}

TEST(MembersTest, TheSmallestClockIsThatOfTheLive) {
  Members members;
  EXPECT_EQ(members.clock_min(), 0);
  members.Join(1, 1, 4, kNow);
  members.Join(2, 1, 9, kNow);
  EXPECT_EQ(members.clock_min(), 4);
  EXPECT_TRUE(members.Heard(1, 1, 12, kNow).ok());
  EXPECT_EQ(members.clock_min(), 9);
  EXPECT_TRUE(members.Heard(1, 1, 3, kNow).ok());
  members.Leave(2, 1);
  EXPECT_EQ(members.clock_min(), 12);
  EXPECT_EQ(members.live_count(), 1);
}

TEST(MembersTest, RefusesWhatItCouldNotRememberOrFence) {
  Members members;
  members.Join(0, 1, 0, kNow);
  EXPECT_FALSE(members.CheckJoin(0, std::numeric_limits<uint64_t>::max()).ok());
  for (WorkerId worker = 1; worker < kMembersMax; ++worker) members.Join(worker, 1, 0, kNow);
  EXPECT_EQ(members.CheckJoin(kMembersMax, 1).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(members.Leave(kMembersMax, 1));
  EXPECT_EQ(members.Find(kMembersMax), nullptr);
}

}  // namespace
}  // namespace downpour
