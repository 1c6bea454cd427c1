#include "worker/data/line_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "worker/data/test_files.h"

namespace downpour {
namespace {

struct Read {
  std::string text;
  uint64_t number;
  bool too_long;
  bool operator==(const Read&) const = default;
};

std::vector<Read> LinesOf(const std::string& bytes) {
  const std::string path = testing::MakeTestFolder("files") + "/lines";
  testing::WriteFile(path, bytes);
  LineReader reader(*InputFile::Open(path));
  std::vector<Read> lines;
  for (LineReader::Line line; *reader.Next(&line);)
    lines.push_back({std::string(line.text), line.number, line.too_long});
  return lines;
}

TEST(LineReaderTest, EndsLinesAtNewlinesWithOrWithoutCarriageReturnsAndAtTheEnd) {
  EXPECT_EQ(LinesOf("one\r\n\ntwo\rhalf\nthree"),
            (std::vector<Read>{{"one", 1, false}, {"", 2, false}, {"two\rhalf", 3, false}, {"three", 4, false}}));
  EXPECT_EQ(LinesOf("one\n"), (std::vector<Read>{{"one", 1, false}}));
  EXPECT_EQ(LinesOf(""), std::vector<Read>{});
}

TEST(LineReaderTest, DropsAByteOrderMarkFromTheFirstLineAlone) {
  EXPECT_EQ(LinesOf("\xef\xbb\xbf"
                    "a\n\xef\xbb\xbf"
                    "b"),
            (std::vector<Read>{{"a", 1, false},
                               {"\xef\xbb\xbf"
                                "b",
                                2, false}}));
}

TEST(LineReaderTest, PassesOverTheRestOfALineThatIsTooLong) {
  const std::string full(LineReader::kLineBytesMax, 'x');
  EXPECT_EQ(LinesOf(full + "\r\n" + full + "x\r\nnext\n" + full + full + full),
            (std::vector<Read>{{full, 1, false}, {full, 2, true}, {"next", 3, false}, {full, 4, true}}));
}

TEST(LineReaderTest, JoinsLinesAcrossBlocks) {
  std::string bytes;
  std::vector<Read> expected;
  for (uint64_t i = 0; i < 50'000; ++i) {
    expected.push_back({std::string(i % 29, 'a') + absl::StrCat(i), i + 1, false});
    bytes += expected.back().text + "\r\n";
  }
  EXPECT_EQ(LinesOf(bytes), expected);
}

}  // namespace
}  // namespace downpour
