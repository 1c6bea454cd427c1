#include "cli/plot/curve.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(CurveTest, ThinningKeepsEndsAndPeaks) {
  std::vector<CurvePoint> points;
  for (int i = 0; i < 100'000; ++i) points.push_back({static_cast<double>(i), 1});
  points[54'321].y = 7;
  points[12'345].y = -7;
  const std::vector<CurvePoint> thinned = Thinned(points, 1000);
  EXPECT_LE(thinned.size(), 1000u);
  EXPECT_EQ(thinned.front(), points.front());
  EXPECT_EQ(thinned.back(), points.back());
  EXPECT_THAT(thinned, Contains(CurvePoint{54'321, 7}));
  EXPECT_THAT(thinned, Contains(CurvePoint{12'345, -7}));
  for (size_t i = 1; i < thinned.size(); ++i) EXPECT_LT(thinned[i - 1].x, thinned[i].x);
  const std::vector<CurvePoint> few = {{1, 2}, {3, 4}};
  EXPECT_EQ(Thinned(few, 1000), few);
}

TEST(CurveTest, SmoothingQuietensWithoutMovingTheCurve) {
  std::vector<CurvePoint> points;
  for (int i = 0; i < 1000; ++i) points.push_back({static_cast<double>(i), 1 - i / 1000.0 + (i % 2 == 0 ? 0.2 : -0.2)});
  const std::vector<CurvePoint> smooth = Smoothed(points);
  ASSERT_GT(smooth.size(), 300u);
  EXPECT_EQ(smooth.front(), points.front());
  for (size_t i = 20; i + 20 < smooth.size(); ++i) EXPECT_NEAR(smooth[i].y, 1 - smooth[i].x / 1000, 0.01);
}

TEST(CurveTest, FewPointsStayAlmostAsTheyAre) {
  EXPECT_TRUE(Smoothed({}).empty());
  const std::vector<CurvePoint> one = {{5, 6}};
  EXPECT_THAT(Smoothed(one), ElementsAre(one[0]));
  const std::vector<CurvePoint> three = {{0, 1}, {1, 5}, {2, 1}};
  EXPECT_NEAR(Smoothed(three)[1].y, 5, 1e-6);
}

}  // namespace
}  // namespace downpour
