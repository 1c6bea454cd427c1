#include "worker/data/synthetic_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <vector>

#include "common/base/hash.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<TableDataset> Make(const SyntheticTableOptions& options, Split split = Split::kTrain) {
  auto dataset = MakeSyntheticTable(options, split);
  EXPECT_TRUE(dataset.ok()) << dataset.status();
  return *std::move(dataset);
}

// The part of held-out rows that logistic regression gets right, with a weight for each key and, with `crosses`, for
// each pair of keys of neighbouring columns.
double LogisticAccuracy(const TableDataset& train, const TableDataset& test, bool crosses) {
  std::vector<float> dense(train.schema().dense.size());
  std::map<uint64_t, float> keys;
  float bias = 0;
  TableDataset::Scratch scratch;
  std::vector<float*> used;
  const auto score = [&](const TableExample& row) {
    float sum = bias;
    used.clear();
    for (size_t i = 0; i < dense.size(); ++i) sum += dense[i] * row.dense[i];
    for (const uint64_t key : row.keys) used.push_back(&keys[key]);
    for (size_t i = 0; crosses && i + 1 < row.keys.size(); i += 2) {
      used.push_back(&keys[Hash64(std::as_bytes(row.keys.subspan(i, 2)))]);
    }
    for (const float* const weight : used) sum += *weight;
    return sum;
  };
  constexpr uint64_t kRows = 60'000;
  for (uint64_t i = 0; i < kRows; ++i) {
    const TableExample row = train.Get(i, scratch);
    const float step = 0.05f * (row.label - 1 / (1 + std::exp(-score(row))));
    bias += step;
    for (size_t j = 0; j < dense.size(); ++j) dense[j] += step * row.dense[j];
    for (float* const weight : used) *weight += step;
  }
  int right = 0;
  constexpr uint64_t kTested = 5000;
  for (uint64_t i = 0; i < kTested; ++i) {
    const TableExample row = test.Get(i, scratch);
    right += (score(row) > 0) == (row.label == 1);
  }
  return static_cast<double>(right) / kTested;
}

TEST(SyntheticTableTest, CanBeLearntAndBetterWithCrosses) {
  const SyntheticTableOptions options = {.categories = 50};
  const auto train = Make(options), test = Make(options, Split::kTest);
  const double plain = LogisticAccuracy(*train, *test, false), crossed = LogisticAccuracy(*train, *test, true);
  EXPECT_GT(plain, 0.7) << "chance is about 0.5";
  EXPECT_GT(crossed, plain + 0.02);
  EXPECT_LT(LogisticAccuracy(*Make({.categories = 50, .seed = 2}), *test, true), 0.65);
}

TEST(SyntheticTableTest, SaysItsSchema) {
  const auto dataset = Make({.dense = 2, .categorical = 3});
  EXPECT_EQ(dataset->schema(), (TableSchema{{"dense_0", "dense_1"}, {"category_0", "category_1", "category_2"}, 2}));
  TableDataset::Scratch scratch;
  const TableExample row = dataset->Get(199'999, scratch);
  EXPECT_EQ(row.dense.size(), 2u);
  ASSERT_EQ(row.keys.size(), 3u);
  for (uint64_t column = 0; column < 3; ++column) {
    EXPECT_EQ(row.keys[column] >> 32, column);
    EXPECT_LT(row.keys[column] & 0xffffffff, 1000u);
  }
}

TEST(SyntheticTableTest, IsTheSameInAnyOrderAndDiffersBetweenRowsSplitsAndSeeds) {
  const auto keys = [](const TableDataset& dataset, uint64_t index) {
    TableDataset::Scratch scratch;
    dataset.Get(index + 1, scratch);
    dataset.Get(index, scratch);
    return scratch.keys;
  };
  EXPECT_EQ(keys(*Make({}), 7), keys(*Make({}), 7));
  EXPECT_NE(keys(*Make({}), 7), keys(*Make({}), 8));
  EXPECT_NE(keys(*Make({}), 7), keys(*Make({}, Split::kTest), 7));
  EXPECT_NE(keys(*Make({}), 7), keys(*Make({.seed = 2}), 7));
}

TEST(SyntheticTableTest, HasNumbersOfDeviationOneAndBothLabels) {
  const auto dataset = Make({});
  TableDataset::Scratch scratch;
  double sum = 0, squares = 0, labels = 0;
  for (uint64_t i = 0; i < 5000; ++i) {
    const TableExample row = dataset->Get(i, scratch);
    for (const float value : row.dense) sum += value, squares += value * value;
    labels += row.label;
  }
  EXPECT_NEAR(sum / 40'000, 0, 0.03);
  EXPECT_NEAR(squares / 40'000, 1, 0.05);
  EXPECT_NEAR(labels / 5000, 0.5, 0.25);
}

TEST(SyntheticTableTest, RefusesOptionsOutOfRange) {
  const auto refuse = [](const SyntheticTableOptions& options, const char* why) {
    const absl::Status status = MakeSyntheticTable(options, Split::kTrain).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  };
  refuse({.dense = 0, .categorical = 0}, "without columns");
  refuse({.dense = -1}, "-1 columns");
  refuse({.categorical = 5000}, "5000 columns");
  refuse({.categories = 0}, "0 categories");
  refuse({.examples = 0}, "0 examples");
  refuse({.noise = -1}, "noise -1");
}

}  // namespace
}  // namespace downpour
