#include "cli/plot/svg.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(SvgTest, TextIsEscapedAndWhatXmlForbidsIsReplaced) {
  EXPECT_EQ(SvgText("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
  EXPECT_EQ(SvgText("η = 0.1, 学"), "η = 0.1, 学");
  EXPECT_EQ(SvgText(std::string_view("a\0b\x1b", 4)),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  // Not UTF-8: a lone byte, a cut character, an overlong form, a surrogate, U+FFFF, beyond Unicode.
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(SvgText("\xff"), bad);
  EXPECT_EQ(SvgText("\xe5\xad"), bad + bad);
  EXPECT_EQ(SvgText("\xc0\xaf"), bad + bad);
  EXPECT_EQ(SvgText("\xed\xa0\x80"), bad + bad + bad);
  EXPECT_EQ(SvgText("\xef\xbf\xbf"), bad + bad + bad);
  EXPECT_EQ(SvgText("\xf4\x90\x80\x80"), bad + bad + bad + bad);
}

TEST(SvgTest, HoldsTheShapesInTheirOrder) {
  Svg svg(100, 50, "A & B");
  svg.Line({0, 0.04}, {1.26, -3}, {.color = "#123456", .width = 0.5, .opacity = 0.25, .dashes = "2 4"});
  const std::vector<CurvePoint> points = {{1, 2}, {3.14159, 4}};
  svg.BeginClip({0, 0}, 10, 10);
  svg.Polyline(points, {.color = "#000000"});
  svg.Polyline(std::span(points).first(1), {.color = "#000000"});
  svg.EndClip();
  svg.Text({5, 6}, "<x>", {.size = 12, .anchor = "end", .bold = true});
  const std::string text = std::move(svg).Finish();
  EXPECT_THAT(text,
              AllOf(StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"50\""),
                    HasSubstr("<title>A &amp; B</title>"),
                    HasSubstr("<line x1=\"0\" y1=\"0\" x2=\"1.3\" y2=\"-3\" stroke=\"#123456\" "
                              "stroke-width=\"0.5\" stroke-opacity=\"0.25\" stroke-dasharray=\"2 4\"/>"),
                    HasSubstr("points=\"1,2 3.1,4\"/>\n</g>\n"),
                    HasSubstr("font-weight=\"bold\" text-anchor=\"end\">&lt;x&gt;</text>"), EndsWith("</svg>\n")));
}

}  // namespace
}  // namespace downpour
