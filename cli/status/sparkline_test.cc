#include "cli/status/sparkline.h"

#include <cmath>
#include <limits>

#include "cli/status/safe_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;

TEST(Graph, DrawsTheSmallestLowAndTheLargestHigh) {
  EXPECT_THAT(Graph({0, 1, 2, 3, 4, 5, 6, 7}, 8, 1, true), ElementsAre("▁▂▃▄▅▆▇█"));
  EXPECT_THAT(Graph({0, 15}, 2, 2, true), ElementsAre(" █", "▁█"));
  EXPECT_THAT(Graph({0, 4, 7}, 4, 1, false), ElementsAre(" .-#"));
}

TEST(Graph, ShowsTheLastValuesAndGapsWhereNothingIsKnown) {
  EXPECT_THAT(Graph({9, 0, std::nan(""), 7}, 3, 1, true), ElementsAre("▁ █"));
  EXPECT_THAT(Graph({5, 5}, 2, 1, true), ElementsAre("▅▅"));
  EXPECT_THAT(Graph({}, 2, 1, true), ElementsAre("  "));
  EXPECT_THAT(Graph({1}, 0, 1, true), ElementsAre(""));
  EXPECT_THAT(Graph({1}, 5, 0, true), ElementsAre());
}

TEST(Graph, StandsNonsense) {
  const double huge = std::numeric_limits<double>::max();
  for (const std::string& line : Graph({-huge, huge, std::numeric_limits<double>::infinity(), 0}, 4, 3, true)) {
    EXPECT_EQ(TextColumns(line), 4u);
  }
}

TEST(Bar, IsAsLongAsTheShare) {
  EXPECT_EQ(Bar(0.5, 8, false), "####");
  EXPECT_EQ(Bar(0.001, 8, false), "#") << "something is not nothing";
  EXPECT_EQ(Bar(0, 8, false), "");
  EXPECT_EQ(Bar(std::nan(""), 8, false), "");
  EXPECT_EQ(Bar(1e300, 3, true), "███");
}

}  // namespace
}  // namespace downpour
