#include "common/base/hash.h"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(Hash64Test, MatchesPublishedValuesOfXxh64) {
  EXPECT_EQ(Hash64(""), 0xEF46DB3751D8E999);
  EXPECT_EQ(Hash64("a"), 0xD24EC4F1A98C6E5B);
  EXPECT_EQ(Hash64("abc"), 0x44BC2CF5AD770999);
  EXPECT_EQ(Hash64("Nobody inspects the spammish repetition"), 0xFBCEA83C8A378BF1);
}

// The self-test of the reference implementation: a generated buffer, several lengths, with and without a seed.
TEST(Hash64Test, MatchesTheReferenceImplementationsSelfTest) {
  constexpr uint64_t kSeed = 2654435761;
  std::vector<std::byte> buffer(222);
  uint64_t generator = kSeed;
  for (std::byte& byte : buffer) {
    byte = static_cast<std::byte>(generator >> 56);
    generator *= 11400714785074694797u;
  }
  const auto prefix = [&](size_t size) { return std::span<const std::byte>(buffer).first(size); };
  EXPECT_EQ(Hash64(prefix(0), kSeed), 0xAC75FDA2929B17EF);
  EXPECT_EQ(Hash64(prefix(1)), 0xE934A84ADB052768);
  EXPECT_EQ(Hash64(prefix(1), kSeed), 0x5014607643A9B4C3);
  EXPECT_EQ(Hash64(prefix(4)), 0x9136A0DCA57457EE);
  EXPECT_EQ(Hash64(prefix(14)), 0x8282DCC4994E35C8);
  EXPECT_EQ(Hash64(prefix(14), kSeed), 0xC3BD6BF63DEB6DF0);
  EXPECT_EQ(Hash64(prefix(222)), 0xB641AE8CB691C174);
  EXPECT_EQ(Hash64(prefix(222), kSeed), 0x20CB8AB7AE10C14A);
}

TEST(Hash64Test, EveryBitOfAnyLengthCounts) {
  for (const size_t size : {1, 3, 4, 7, 8, 31, 32, 33, 100}) {
    std::string text(size, 'x');
    std::set<uint64_t> hashes = {Hash64(text)};
    for (size_t bit = 0; bit < size * 8; ++bit) {
      text[bit / 8] ^= 1 << bit % 8;
      hashes.insert(Hash64(text));
      text[bit / 8] ^= 1 << bit % 8;
    }
    EXPECT_EQ(hashes.size(), size * 8 + 1) << size;
  }
}

TEST(Hash64Test, DoesNotDependOnAlignment) {
  const std::string text = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ";
  const uint64_t expected = Hash64(text);
  for (size_t offset = 0; offset < 16; ++offset) {
    const std::string moved = std::string(offset, '-') + text;
    EXPECT_EQ(Hash64(std::string_view(moved).substr(offset)), expected);
  }
}

}  // namespace
}  // namespace downpour
