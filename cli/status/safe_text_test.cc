#include "cli/status/safe_text.h"

#include <string>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(SafeText, LeavesWhatPeopleWriteAsItIs) {
  EXPECT_EQ(SafeText("worker/3 of größe 深い"), "worker/3 of größe 深い");
  EXPECT_EQ(SafeText(""), "");
}

TEST(SafeText, ShowsWhatWouldSteerTheTerminal) {
  EXPECT_EQ(SafeText("\x1b[2J\x07"
                     "a\nb\r\t"),
            "\\x1b[2J\\x07a\\x0ab\\x0d\\x09");
  EXPECT_EQ(SafeText(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(SafeText("\xc2\x9b"
                     "31m"),
            "\\x9b31m")
      << "a CSI of one character";
  EXPECT_EQ(SafeText("a\u202e"
                     "b"),
            "a\\u202eb");
  EXPECT_EQ(SafeText("\u2028"), "\\u2028");
}

TEST(SafeText, ShowsBytesThatAreNotText) {
  EXPECT_EQ(SafeText("\xff\xc0\x80\xe2\x82"), "\\xff\\xc0\\x80\\xe2\\x82");
  EXPECT_EQ(SafeText("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a surrogate pair";
  EXPECT_EQ(SafeText("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
}

TEST(SafeText, CutsWhatIsLong) {
  EXPECT_EQ(SafeText("0123456789", 10), "0123456789");
  EXPECT_EQ(SafeText("0123456789a", 10), "0123456...");
  EXPECT_EQ(SafeText("深深深深", 7), "深深...");
  EXPECT_EQ(SafeText("abc", 2), "..");
  EXPECT_EQ(SafeText("abc", 0), "");
  std::string marks;
  for (int i = 0; i < 100'000; ++i) marks += "\u0301";
  EXPECT_LT(SafeText(marks, 20).size(), 200u);
}

TEST(TextColumns, CountsWhatATerminalShows) {
  EXPECT_EQ(TextColumns("abc"), 3u);
  EXPECT_EQ(TextColumns("größe"), 5u);
  EXPECT_EQ(TextColumns("深い"), 4u);
  EXPECT_EQ(TextColumns("e\u0301"), 1u);
}

TEST(CutToColumns, NeverCutsACharacter) {
  EXPECT_EQ(CutToColumns("größe", 3), "grö");
  EXPECT_EQ(CutToColumns("深い", 3), "深");
  EXPECT_EQ(CutToColumns("ab", 5), "ab");
  EXPECT_EQ(CutToColumns("ab", 0), "");
}

}  // namespace
}  // namespace downpour
