#include "common/base/crc32c.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/crc32c_backends.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using Bytes = std::vector<std::byte>;

Bytes Random(uint64_t seed, size_t size) {
  PhiloxStream random(seed);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next32());
  return bytes;
}

// The definition, a bit at a time.
uint32_t ByTheBook(std::span<const std::byte> data) {
  uint32_t remainder = ~0u;
  for (const std::byte byte : data) {
    remainder ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1 ^ (remainder & 1 ? 0x82F63B78 : 0);
  }
  return ~remainder;
}

using Feed = uint32_t (*)(uint32_t, const std::byte*, size_t);

class Crc32cBackendTest : public testing::TestWithParam<Feed> {
 protected:
  void SetUp() override {
    if (GetParam() == crc32c::FeedHardware && !crc32c::HasHardware()) {
      GTEST_SKIP() << "SKIPPED: this processor has no instruction for CRC-32C";
    }
  }

  static uint32_t Sum(std::span<const std::byte> data) { return ~GetParam()(~0u, data.data(), data.size()); }
};

INSTANTIATE_TEST_SUITE_P(Backends, Crc32cBackendTest, testing::Values(crc32c::FeedPortable, crc32c::FeedHardware),
                         [](const testing::TestParamInfo<Feed>& info) {
                           return info.param == crc32c::FeedPortable ? "Portable" : "Hardware";
                         });

TEST_P(Crc32cBackendTest, MatchesTheVectorsOfRfc3720) {
  Bytes data(32, std::byte{0});
  EXPECT_EQ(Sum(data), 0x8a9136aau);
  std::fill(data.begin(), data.end(), std::byte{0xff});
  EXPECT_EQ(Sum(data), 0x62a8ab43u);
  for (size_t i = 0; i < 32; ++i) data[i] = static_cast<std::byte>(i);
  EXPECT_EQ(Sum(data), 0x46dd794eu);
  std::reverse(data.begin(), data.end());
  EXPECT_EQ(Sum(data), 0x113fdb5cu);
  constexpr std::array<uint8_t, 48> kReadCommand = {0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0,    0, 0, 0,    0, 0, 0, 0,
                                                    0x14, 0,    0, 0, 0, 0, 0x04, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                                                    0x28, 0,    0, 0, 0, 0, 0,    0, 0x02, 0, 0, 0,    0, 0, 0, 0};
  EXPECT_EQ(Sum(std::as_bytes(std::span(kReadCommand))), 0xd9963a56u);
}

TEST_P(Crc32cBackendTest, MatchesTheDefinitionOnEveryShortLengthAndAlignment) {
  const Bytes data = Random(1, 128);
  for (size_t offset = 0; offset < 16; ++offset) {
    for (size_t size = 0; size <= 96; ++size) {
      const auto piece = std::span(data).subspan(offset, size);
      ASSERT_EQ(Sum(piece), ByTheBook(piece)) << offset << " " << size;
    }
  }
}

// Lengths up to a few of the longest runs that an implementation feeds side by side.
TEST_P(Crc32cBackendTest, MatchesTheDefinitionOnRandomLengthsAndAlignments) {
  const Bytes data = Random(2, 60000);
  PhiloxStream random(3);
  for (int i = 0; i < 200; ++i) {
    const size_t size = random.UniformInt(uint64_t{1} << (8 + i % 8));
    const auto piece = std::span(data).subspan(random.UniformInt(64), size);
    ASSERT_EQ(Sum(piece), ByTheBook(piece)) << size;
  }
}

TEST(Crc32cTest, BothBackendsAgreeOnMegabytes) {
  if (!crc32c::HasHardware()) GTEST_SKIP() << "SKIPPED: this processor has no instruction for CRC-32C";
  const Bytes data = Random(4, 3'000'017);
  EXPECT_EQ(crc32c::FeedPortable(5, data.data(), data.size()), crc32c::FeedHardware(5, data.data(), data.size()));
}

TEST(Crc32cTest, IsTheChecksumThatEveryoneElseComputes) {
  EXPECT_EQ(Crc32c(std::as_bytes(std::span(std::string_view("123456789")))), 0xe3069283u);
  EXPECT_EQ(Crc32c({}), 0u);
}

TEST(Crc32cTest, ExtendGoesOnWhereTheFirstPieceEnded) {
  const Bytes data = Random(5, 20000);
  const uint32_t whole = Crc32c(data);
  for (const size_t cut : {0, 1, 7, 1000, 12288, 19999, 20000}) {
    EXPECT_EQ(ExtendCrc32c(Crc32c(std::span(data).first(cut)), std::span(data).subspan(cut)), whole) << cut;
  }
}

TEST(Crc32cTest, CombineJoinsTheSumsOfTwoPieces) {
  const Bytes data = Random(6, 20000);
  const uint32_t whole = Crc32c(data);
  for (const size_t cut : {0, 1, 7, 1000, 12288, 19999, 20000}) {
    const uint32_t a = Crc32c(std::span(data).first(cut));
    const uint32_t b = Crc32c(std::span(data).subspan(cut));
    EXPECT_EQ(Crc32cCombine(a, b, data.size() - cut), whole) << cut;
  }
}

// Sizes that no test could feed: doubling a run of zeros must be the same as combining it with itself.
TEST(Crc32cTest, CombineTakesEnormousSizes) {
  uint32_t sum = Crc32c(Bytes(1));
  for (int log2 = 0; log2 < 62; ++log2) {
    const uint64_t size = uint64_t{1} << log2;
    const uint32_t twice = Crc32cCombine(sum, sum, size);
    EXPECT_EQ(Crc32cCombine(Crc32cCombine(sum, 0, 0), sum, size), twice);
    EXPECT_EQ(Crc32cCombine(twice, sum, size), Crc32cCombine(sum, twice, 2 * size)) << log2;
    sum = twice;
  }
}

}  // namespace
}  // namespace downpour
