#include "cli/launch/merged_log.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MergedLogTest : public ::testing::Test {
 protected:
  MergedLog Make(bool in_colours = false) {
    return MergedLog({"server/0", "worker/12"}, in_colours, [this](std::string_view text) { written_ += text; });
  }
  std::string written_;
};

TEST_F(MergedLogTest, EachLineHasItsTaskInFront) {
  MergedLog log = Make();
  log.Append(0, "one\ntwo\n");
  log.Append(1, "three\n\n");
  EXPECT_EQ(written_, "server/0  | one\nserver/0  | two\nworker/12 | three\nworker/12 | \n");
}

TEST_F(MergedLogTest, LinesThatComeInPiecesAreNotTornByOthers) {
  MergedLog log = Make();
  log.Append(0, "one h");
  log.Append(1, "between\n");
  log.Append(0, "alf\nrest");
  EXPECT_EQ(written_, "worker/12 | between\nserver/0  | one half\n");
  log.End(0);
  log.End(0);
  EXPECT_THAT(written_, HasSubstr("server/0  | rest\n"));
}

TEST_F(MergedLogTest, OfWhatWasDrawnOverTheLastIsShown) {
  MergedLog log = Make();
  log.Append(0, "10 %\r20 %\r30 %\nfrom Windows\r\n");
  EXPECT_EQ(written_, "server/0  | 30 %\nserver/0  | from Windows\n");
}

TEST_F(MergedLogTest, AnEndlessLineIsCut) {
  MergedLog log = Make();
  log.Append(0, std::string(2 * MergedLog::kLineMax + 5, 'x'));
  EXPECT_EQ(written_.size(), 2 * (MergedLog::kLineMax + 13));
}

TEST_F(MergedLogTest, ColoursAreOnlyWhereTheyAreAskedFor) {
  MergedLog log = Make(/*in_colours=*/true);
  log.Append(1, "text\n");
  EXPECT_EQ(written_, "\x1b[32mworker/12 | \x1b[0mtext\n");
}

TEST_F(MergedLogTest, KnowsTheLastLinesOfEach) {
  MergedLog log = Make();
  for (size_t i = 0; i < MergedLog::kLastLines + 3; ++i) log.Append(0, std::to_string(i) + "\n");
  EXPECT_EQ(log.LastLines(0).size(), MergedLog::kLastLines);
  EXPECT_EQ(log.LastLines(0).front(), "3");
  log.Append(1, "a\n\nb\nc");
  EXPECT_THAT(log.LastLines(1), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace downpour
