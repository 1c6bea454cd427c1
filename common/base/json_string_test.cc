#include "common/base/json_string.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace downpour {
namespace {

using namespace std::string_view_literals;

TEST(JsonStringTest, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(JsonString(""), R"("")");
  EXPECT_EQ(JsonString("step 12, loss 0.5 / 'ok'"), R"("step 12, loss 0.5 / 'ok'")");
}

TEST(JsonStringTest, EscapesQuotesBackslashesAndControlCharacters) {
  EXPECT_EQ(JsonString(R"(say "C:\x")"), R"("say \"C:\\x\"")");
  EXPECT_EQ(JsonString("a\nb\rc\td\0e\x1b\x7f"sv), R"("a\nb\rc\td\u0000e\u001b\u007f")");
}

TEST(JsonStringTest, KeepsValidUtf8) {
  for (const std::string_view text : {"\u00e9", "\u20ac", "\ud7ff", "\ue000", "\U00010000", "\U0010ffff", "\u0080"}) {
    EXPECT_EQ(JsonString(text), '"' + std::string(text) + '"');
  }
}

TEST(JsonStringTest, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(JsonString("a\xff"
                       "b"),
            "\"a\uFFFDb\"");
  EXPECT_EQ(JsonString("\x80"), "\"\uFFFD\"");
  EXPECT_EQ(JsonString("\xc0\xaf"), "\"\uFFFD\uFFFD\"");                      // overlong
  EXPECT_EQ(JsonString("\xe0\x9f\xbf"), "\"\uFFFD\uFFFD\uFFFD\"");            // overlong
  EXPECT_EQ(JsonString("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");            // a surrogate
  EXPECT_EQ(JsonString("\xf0\x8f\xbf\xbf"), "\"\uFFFD\uFFFD\uFFFD\uFFFD\"");  // overlong
  EXPECT_EQ(JsonString("\xf4\x90\x80\x80"), "\"\uFFFD\uFFFD\uFFFD\uFFFD\"");  // above U+10FFFF
  EXPECT_EQ(JsonString("\xe2\x82\""), "\"\uFFFD\uFFFD\\\"\"");                // cut short by a quote
  EXPECT_EQ(JsonString("\xe2\x82"), "\"\uFFFD\uFFFD\"");                      // cut short by the end
}

}  // namespace
}  // namespace downpour
