#include "worker/client/shard_request.h"

#include <vector>

#include "gtest/gtest.h"

namespace downpour {
namespace {

ShardRequest Request(int priority, uint64_t order) {
  ShardRequest request;
  request.priority = priority;
  request.order = order;
  return request;
}

TEST(SendQueueTest, WhatIsMoreUrgentGoesFirstAndElseWhatWasAskedFirst) {
  ShardRequest late = Request(5, 1), soon = Request(0, 2), later = Request(5, 3), again = Request(0, 1);
  SendQueue queue;
  for (ShardRequest* request : {&late, &soon, &later, &again}) queue.Add(request);
  std::vector<ShardRequest*> order;
  for (; !queue.empty(); queue.PopFront()) order.push_back(queue.front());
  EXPECT_EQ(order, (std::vector<ShardRequest*>{&again, &soon, &late, &later}));
}

TEST(SendQueueTest, ErasesJustTheOne) {
  ShardRequest a = Request(0, 1), b = Request(0, 2), c = Request(1, 3);
  SendQueue queue;
  for (ShardRequest* request : {&a, &b, &c}) queue.Add(request);
  queue.Erase(&b);
  queue.Erase(&b);
  EXPECT_EQ(queue.size(), 2);
  EXPECT_EQ(queue.front(), &a);
}

TEST(ShardNumbersTest, AtMost64NumbersLieBetweenTheLowestOpenAndTheHighest) {
  ShardNumbers numbers;
  std::vector<ShardPush> pushes(70);
  for (size_t i = 0; i < 64; ++i) EXPECT_TRUE(numbers.Begin(&pushes[i]));
  EXPECT_EQ(pushes[63].sequence, 64);
  for (size_t i = 64; i < 70; ++i) EXPECT_FALSE(numbers.Begin(&pushes[i]));
  // The lowest is what counts, not how many are open.
  for (size_t i = 1; i < 64; ++i) EXPECT_TRUE(numbers.End(&pushes[i]).empty());
  EXPECT_EQ(numbers.End(&pushes[0]).size(), 6);
  EXPECT_EQ(pushes[69].sequence, 70);
}

TEST(ShardNumbersTest, FindsOpenPushesByNumberAndNoOthers) {
  ShardNumbers numbers;
  std::vector<ShardPush> pushes(3);
  for (ShardPush& push : pushes) numbers.Begin(&push);
  numbers.End(&pushes[1]);
  EXPECT_EQ(numbers.Find(1), &pushes[0]);
  EXPECT_EQ(numbers.Find(2), nullptr);
  EXPECT_EQ(numbers.Find(3), &pushes[2]);
  EXPECT_EQ(numbers.Find(4), nullptr);
  EXPECT_EQ(numbers.Find(0), nullptr);
}

TEST(ShardNumbersTest, APushThatStillWaitsCanGo) {
  ShardNumbers numbers;
  std::vector<ShardPush> pushes(66);
  for (ShardPush& push : pushes) numbers.Begin(&push);
  EXPECT_TRUE(numbers.End(&pushes[64]).empty());
  EXPECT_EQ(numbers.End(&pushes[0]), std::vector<ShardPush*>{&pushes[65]});
  EXPECT_EQ(pushes[65].sequence, 65);
}

TEST(ShardNumbersTest, AnotherIncarnationBeginsWithOne) {
  ShardNumbers numbers;
  ShardPush before, after;
  numbers.Begin(&before);
  numbers.Restart();
  numbers.Begin(&after);
  EXPECT_EQ(after.sequence, 1);
  EXPECT_EQ(numbers.Find(1), &after);
}

}  // namespace
}  // namespace downpour
