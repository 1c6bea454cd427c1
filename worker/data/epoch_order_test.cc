#include "worker/data/epoch_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

namespace downpour {
namespace {

std::vector<uint64_t> All(const EpochOrder& order) {
  std::vector<uint64_t> examples;
  for (uint64_t i = 0; i < order.size(); ++i) examples.push_back(order[i]);
  return examples;
}

// How far counts that should be equal are from it, in standard deviations of the chi-squared distribution.
double ChiSquaredDeviation(const std::vector<uint64_t>& counts) {
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
  const double expected = total / static_cast<double>(counts.size());
  double chi_squared = 0;
  for (const uint64_t count : counts) {
    chi_squared += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) / expected;
  }
  const double freedom = static_cast<double>(counts.size() - 1);
  return (chi_squared - freedom) / std::sqrt(2 * freedom);
}

TEST(EpochOrderTest, VisitsEachExampleOnce) {
  std::vector<uint64_t> sizes = {1023, 1024, 1025, 10'000, 60'000, 65'535, 65'536, 65'537, 100'003};
  for (uint64_t size = 0; size <= 300; ++size) sizes.push_back(size);
  for (const uint64_t size : sizes) {
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      std::vector<uint64_t> examples = All(EpochOrder(size, 7, epoch));
      std::sort(examples.begin(), examples.end());
      for (uint64_t i = 0; i < size; ++i) ASSERT_EQ(examples[i], i) << size << " epoch " << epoch;
    }
  }
}

TEST(EpochOrderTest, WorksForSizesThatNobodyCouldMaterialise) {
  for (const uint64_t size : {uint64_t{1} << 32, (uint64_t{1} << 40) + 1, ~uint64_t{0}}) {
    const EpochOrder order(size, 1, 2);
    for (uint64_t i = 0; i < 1000; ++i) EXPECT_LT(order[i], size);
    EXPECT_LT(order[size - 1], size);
  }
  EXPECT_EQ(EpochOrder(10, 1, 2)[10], 10u) << "beyond the end";
}

TEST(EpochOrderTest, IsTheSameEverywhereForASeedAndAnEpochAndDiffersBetweenThem) {
  const std::vector<uint64_t> order = All(EpochOrder(10, 1, 0));
  EXPECT_EQ(order, All(EpochOrder(10, 1, 0)));
  // Written down: a job that goes on after an upgrade must go on in the same order.
  EXPECT_EQ(order, (std::vector<uint64_t>{4, 8, 9, 5, 2, 7, 1, 6, 3, 0}));
  for (const EpochOrder& other : {EpochOrder(1000, 1, 1), EpochOrder(1000, 2, 0), EpochOrder(1000, 0, 1)}) {
    const EpochOrder first(1000, 1, 0);
    int same = 0;
    for (uint64_t i = 0; i < 1000; ++i) same += first[i] == other[i];
    EXPECT_LT(same, 10) << "1 is expected by chance";
  }
}

TEST(EpochOrderTest, PutsEachExampleAtEachPlaceEquallyOften) {
  for (const uint64_t size : {2, 3, 5, 10, 16, 33, 100}) {
    std::vector<uint64_t> first(size), last(size), place_of_0(size);
    for (uint64_t epoch = 0; epoch < 20'000; ++epoch) {
      const EpochOrder order(size, 3, epoch);
      ++first[order[0]];
      ++last[order[size - 1]];
      for (uint64_t i = 0; i < size; ++i) place_of_0[i] += order[i] == 0;
    }
    EXPECT_LT(ChiSquaredDeviation(first), 4.5) << size;
    EXPECT_LT(ChiSquaredDeviation(last), 4.5) << size;
    EXPECT_LT(ChiSquaredDeviation(place_of_0), 4.5) << size;
  }
}

TEST(EpochOrderTest, PutsEachPairOfExamplesSideBySideEquallyOften) {
  for (const uint64_t size : {3, 7, 16, 20}) {
    std::vector<uint64_t> pairs;
    std::vector<uint64_t> counts(size * size);
    for (uint64_t epoch = 0; epoch < 40'000; ++epoch) {
      const EpochOrder order(size, 4, epoch);
      ++counts[order[0] * size + order[1]];
    }
    for (uint64_t a = 0; a < size; ++a) {
      for (uint64_t b = 0; b < size; ++b) {
        if (a == b) {
          EXPECT_EQ(counts[a * size + b], 0u);
        }
        if (a != b) pairs.push_back(counts[a * size + b]);
      }
    }
    EXPECT_LT(ChiSquaredDeviation(pairs), 4.5) << size;
  }
}

TEST(EpochOrderTest, MakesEveryOrderOfAFewExamplesEquallyOften) {
  for (const uint64_t size : {3, 4, 5}) {
    std::map<std::vector<uint64_t>, uint64_t> seen;
    for (uint64_t epoch = 0; epoch < 60'000; ++epoch) ++seen[All(EpochOrder(size, 5, epoch))];
    uint64_t factorial = 1;
    for (uint64_t i = 2; i <= size; ++i) factorial *= i;
    EXPECT_EQ(seen.size(), factorial);
    std::vector<uint64_t> counts;
    for (const auto& [order, count] : seen) counts.push_back(count);
    EXPECT_LT(ChiSquaredDeviation(counts), 4.5) << size;
  }
}

// A batch of a set sorted by class should have all classes, and neighbours should be nothing to each other.
TEST(EpochOrderTest, MixesABigSet) {
  constexpr uint64_t kSize = 60'000, kClasses = 10;
  const std::vector<uint64_t> order = All(EpochOrder(kSize, 6, 1));
  double worst = 0, mean = 0;
  std::vector<uint64_t> steps(64);
  for (uint64_t batch = 0; batch + 600 <= kSize; batch += 600) {
    std::vector<uint64_t> classes(kClasses);
    for (uint64_t i = batch; i < batch + 600; ++i) ++classes[order[i] * kClasses / kSize];
    worst = std::max(worst, ChiSquaredDeviation(classes));
    mean += ChiSquaredDeviation(classes) / (kSize / 600);
  }
  for (uint64_t i = 0; i + 1 < kSize; ++i) ++steps[(order[i + 1] + kSize - order[i]) % kSize * steps.size() / kSize];
  EXPECT_LT(worst, 8);
  EXPECT_NEAR(mean, 0, 0.4);
  EXPECT_LT(ChiSquaredDeviation(steps), 4.5);
}

}  // namespace
}  // namespace downpour
