#include "server/store/normal_quantile.h"

#include <cmath>

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(NormalQuantileTest, MatchesPublishedValues) {
  // Wichura 1988 gives the first three; the others are tables' standard ones.
  EXPECT_NEAR(NormalQuantile(0.25), -0.6744897501960817, 1e-15);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232306167814, 1e-14);
  EXPECT_NEAR(NormalQuantile(1e-20), -9.262340089798408, 1e-13);
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-14);
  EXPECT_EQ(NormalQuantile(0.5), 0);
}

TEST(NormalQuantileTest, IsTheInverseOfTheDistributionFunction) {
  for (int i = 1; i < 10000; ++i) {
    const double p = i / 10000.0;
    const double z = NormalQuantile(p);
    EXPECT_NEAR(0.5 * std::erfc(-z / std::sqrt(2.0)), p, 4e-16 + 2e-15 * p) << p;
    EXPECT_NEAR(NormalQuantile(1 - p), -z, 1e-12);
  }
}

TEST(NormalQuantileTest, IsFiniteAtBothEnds) {
  EXPECT_NEAR(NormalQuantile(0x1p-53), -8.2095361516013868, 1e-12);
  EXPECT_NEAR(NormalQuantile(1 - 0x1p-53), 8.2095361516013868, 1e-12);
}

TEST(PortableLogTest, AgreesWithTheLibraryToTheLastPlaces) {
  for (double x = 1e-300; x < 1e300; x *= 1.0137) {
    EXPECT_NEAR(PortableLog(x), std::log(x), 4e-16 * (1 + std::abs(std::log(x)))) << x;
  }
  EXPECT_EQ(PortableLog(1.0), 0);
}

}  // namespace
}  // namespace downpour
