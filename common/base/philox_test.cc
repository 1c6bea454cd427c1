#include "common/base/philox.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace downpour {
namespace {

using Words = std::array<uint32_t, 4>;

// From kat_vectors of the Random123 distribution.
TEST(PhiloxTest, MatchesThePublishedVectors) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, WorksAtCompileTime) {
  static_assert(Philox4x32({0, 0, 0, 0}, {0, 0})[0] == 0x6627e8d5);
  static_assert(PhiloxStream(0).Next32() == 0x6627e8d5);
  static_assert(std::uniform_random_bit_generator<PhiloxStream>);
}

TEST(PhiloxTest, FourBlocksAreTheBlocksOfFourCounters) {
  PhiloxStream random(7);
  for (int i = 0; i < 1000; ++i) {
    // Every tenth time the low word of the position overflows within the four.
    const uint64_t position = i % 10 == 0 ? random.Next64() << 32 | 0xfffffffe : random.Next64();
    const uint64_t stream = random.Next64();
    const std::array<uint32_t, 2> key = {random.Next32(), random.Next32()};
    const std::array<uint32_t, 16> words = PhiloxFourBlocks(position, stream, key);
    for (size_t block = 0; block < 4; ++block) {
      const uint64_t counter = position + block;
      EXPECT_EQ((Words{words[4 * block], words[4 * block + 1], words[4 * block + 2], words[4 * block + 3]}),
                Philox4x32({static_cast<uint32_t>(counter), static_cast<uint32_t>(counter >> 32),
                            static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)},
                           key));
    }
  }
}

TEST(PhiloxTest, FourBlocksAreTheSameAtCompileTime) {
  constexpr std::array<uint32_t, 16> kWords = PhiloxFourBlocks(5, 6, {7, 8});
  EXPECT_EQ(kWords, PhiloxFourBlocks(5, 6, {7, 8}));
}

TEST(PhiloxStreamTest, IsTheBlocksOfItsCounterInOrder) {
  const uint64_t seed = 0x0123456789abcdef;
  const uint64_t stream = 0xfedcba9876543210;
  PhiloxStream random(seed, stream);
  for (uint32_t block = 0; block < 9; ++block) {
    for (const uint32_t word : Philox4x32({block, 0, 0x76543210, 0xfedcba98}, {0x89abcdef, 0x01234567})) {
      EXPECT_EQ(random.Next32(), word);
    }
  }
}

TEST(PhiloxStreamTest, Next64IsTwoWordsLowFirst) { EXPECT_EQ(PhiloxStream(0).Next64(), 0xe169c58d6627e8d5); }

TEST(PhiloxStreamTest, SeedsAndStreamsDiffer) {
  std::set<uint64_t> first;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    for (uint64_t stream = 0; stream < 30; ++stream) {
      first.insert(PhiloxStream(seed, stream).Next64());
    }
  }
  EXPECT_EQ(first.size(), 900u);
}

TEST(PhiloxStreamTest, UniformIntStaysBelowItsBound) {
  PhiloxStream random(1);
  for (const uint64_t bound : {uint64_t{1}, uint64_t{2}, uint64_t{7}, uint64_t{0xffffffff}, uint64_t{1} << 32,
                               (uint64_t{1} << 63) + 1, ~uint64_t{0}}) {
    for (int i = 0; i < 1000; ++i) ASSERT_LT(random.UniformInt(bound), bound);
  }
  EXPECT_EQ(random.UniformInt(1), 0u);
  EXPECT_EQ(random.UniformInt(0), 0u);
}

// Without rejection every third number below these bounds would come up twice as often as the others.
TEST(PhiloxStreamTest, UniformIntIsFairForBoundsThatDoNotDivideTheRange) {
  for (const uint64_t bound : {uint64_t{3} << 30, uint64_t{3} << 62}) {
    PhiloxStream random(2);
    constexpr int kDraws = 60000;
    std::array<int, 3> counts{};
    for (int i = 0; i < kDraws; ++i) {
      ++counts[random.UniformInt(bound) % 3];
    }
    for (const int count : counts) EXPECT_NEAR(count, kDraws / 3, 600) << bound;
  }
}

TEST(PhiloxStreamTest, SmallBoundsComeUpEquallyOften) {
  PhiloxStream random(3);
  constexpr int kDraws = 100000;
  std::array<int, 10> counts{};
  for (int i = 0; i < kDraws; ++i) ++counts[random.UniformInt(10)];
  for (const int count : counts) EXPECT_NEAR(count, kDraws / 10, 500);
}

TEST(PhiloxStreamTest, UniformFloatsFillTheUnitIntervalWithoutItsEnd) {
  EXPECT_EQ(Uniform01Float(0), 0.0f);
  EXPECT_EQ(Uniform01Double(0), 0.0);
  EXPECT_LT(Uniform01Float(~uint32_t{0}), 1.0f);
  EXPECT_LT(Uniform01Double(~uint64_t{0}), 1.0);
  PhiloxStream random(4);
  double sum = 0;
  double sum_of_squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double value = i % 2 == 0 ? random.UniformDouble() : double{random.UniformFloat()};
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    sum += value;
    sum_of_squares += value * value;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
  EXPECT_NEAR(sum_of_squares / kDraws, 1.0 / 3, 0.005);
}

TEST(PhiloxStreamTest, ShuffleKeepsTheElementsAndIsTheSameEverywhere) {
  std::vector<int> cards = {0, 1, 2, 3, 4, 5, 6, 7};
  PhiloxStream random(5);
  random.Shuffle(cards);
  EXPECT_EQ(cards, (std::vector<int>{2, 3, 7, 1, 4, 5, 0, 6}));
  std::sort(cards.begin(), cards.end());
  EXPECT_EQ(cards, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(PhiloxStreamTest, ShuffleReachesEveryOrderEquallyOften) {
  PhiloxStream random(6);
  std::array<int, 27> counts{};
  constexpr int kShuffles = 60000;
  for (int i = 0; i < kShuffles; ++i) {
    std::array<int, 3> cards = {0, 1, 2};
    random.Shuffle(cards);
    ++counts[cards[0] * 9 + cards[1] * 3 + cards[2]];
  }
  for (const int count : counts) {
    EXPECT_TRUE(count == 0 || std::abs(count - kShuffles / 6) < 500) << count;
  }
  EXPECT_EQ(std::count(counts.begin(), counts.end(), 0), 21);
}

}  // namespace
}  // namespace downpour
