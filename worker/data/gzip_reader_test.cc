#include "worker/data/gzip_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "worker/data/test_files.h"

namespace downpour {
namespace {

using testing::Gzip;
using ::testing::HasSubstr;

// All of it, `piece` bytes at a time.
absl::StatusOr<std::string> Decompress(const std::string& compressed, size_t piece) {
  GzipReader reader({reinterpret_cast<const uint8_t*>(compressed.data()), compressed.size()}, "a.gz");
  std::string all;
  while (true) {
    std::vector<uint8_t> bytes(piece);
    const absl::StatusOr<size_t> got = reader.Read(bytes);
    if (!got.ok()) return got.status();
    all.append(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(*got));
    if (*got < piece) return all;
  }
}

TEST(GzipReaderTest, DecompressesInPiecesOfAnySize) {
  const std::string text = "Downpour, downpour, downpour: the same again and again and again.";
  for (const size_t piece : {1, 2, 7, 64, 65, 66, 1000}) EXPECT_EQ(*Decompress(Gzip(text), piece), text) << piece;
  EXPECT_EQ(*Decompress(Gzip(""), 10), "");
}

TEST(GzipReaderTest, JoinsMembers) { EXPECT_EQ(*Decompress(Gzip("one ") + Gzip("") + Gzip("two"), 3), "one two"); }

TEST(GzipReaderTest, RefusesEveryTruncation) {
  const std::string whole = Gzip("some text that is long enough to be compressed, compressed, compressed");
  for (size_t size = 0; size < whole.size(); ++size) {
    const absl::Status status = Decompress(whole.substr(0, size), 1000).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << size;
    EXPECT_THAT(std::string(status.message()), HasSubstr("a.gz: the compressed data are cut short at offset")) << size;
  }
}

TEST(GzipReaderTest, RefusesDamageAndWhatFollows) {
  std::string damaged = Gzip("some text");
  damaged[damaged.size() - 6] ^= 1;  // of the checksum
  EXPECT_THAT(std::string(Decompress(damaged, 1000).status().message()), HasSubstr("incorrect data check"));
  EXPECT_THAT(std::string(Decompress(Gzip("some text") + "more", 1000).status().message()),
              HasSubstr("followed by something else at offset 29 of 33"));
}

TEST(GzipReaderTest, NoOutputCostsLessInputThanTheRatioSays) {
  const std::string zeros(10'000'000, '\0');
  EXPECT_LE(zeros.size(), Gzip(zeros).size() * GzipReader::kRatioMax);
}

}  // namespace
}  // namespace downpour
