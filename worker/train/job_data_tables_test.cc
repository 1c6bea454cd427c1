#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/data/dataset.h"
#include "worker/data/synthetic_table.h"
#include "worker/train/job_data.h"
#include "worker/train/job_data_fixture.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using testing::ClassifierOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::JobDataTest;
using testing::MadeBatch;
using testing::MakeBatch;
using testing::RegressionOf;
using ::testing::StartsWith;

class JobTablesTest : public JobDataTest {};

constexpr char kRows[] = "age,town,colour,bought\n20,Ulm,red,1\n30,Ulm,blue,0\n40,Bonn,red,1\n50,Kiel,blue,0\n";

constexpr char kCsv[] = R"(data {
 csv {
  train_file: "rows.csv"
  dense: "age"
  categorical: ["town", "colour"]
  label: "bought"
 }
}
)";

TEST_F(JobTablesTest, AVectorAsWideAsTheNumbersTakesTheNumbersAlone) {
  Write("rows.csv", kRows);
  const absl::StatusOr<JobData> data = Open(RegressionOf(1, "sigmoid_cross_entropy") + kCsv);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train->size(), 4u);
  EXPECT_EQ(data->test, nullptr);
  EXPECT_EQ(data->description, "rows.csv: 4 to train on, from " + PathOf("rows.csv"));
  EXPECT_THAT(data->notes, ElementsAre(HasSubstr("the 2 columns of categories are not used")));
  const MadeBatch batch = MakeBatch(*data->train, {.indices = {2, 0, 1}}, 1);
  EXPECT_THAT(batch.examples, ElementsAre(40, 20, 30));
  EXPECT_THAT(batch.targets, ElementsAre(1, 1, 0));
}

TEST_F(JobTablesTest, AWiderVectorTakesEachCategoryAsAOneInItsOwnPlaces) {
  Write("rows.csv", kRows);
  const absl::StatusOr<JobData> data = Open(ClassifierOf("201", 2) + kCsv);
  ASSERT_TRUE(data.ok()) << data.status();
  const MadeBatch batch = MakeBatch(*data->train, {.indices = {0, 1, 2, 3}}, 201);
  EXPECT_THAT(batch.classes, ElementsAre(1, 0, 1, 0));
  // Where each row has its ones.
  std::vector<std::vector<ptrdiff_t>> places;
  for (auto row = batch.examples.begin(); row != batch.examples.end(); row += 201) {
    places.emplace_back();
    for (const auto begin : {row + 1, row + 101}) {
      EXPECT_EQ(std::count(begin, begin + 100, 0.0f), 99);
      places.back().push_back(std::find(begin, begin + 100, 1.0f) - begin);
      EXPECT_LT(places.back().back(), 100);
    }
  }
  EXPECT_EQ(batch.examples[0], 20);
  EXPECT_EQ(places[0][0], places[1][0]) << "Ulm";
  EXPECT_NE(places[0][0], places[2][0]) << "Ulm and Bonn";
  EXPECT_NE(places[2][0], places[3][0]) << "Bonn and Kiel";
  EXPECT_EQ(places[0][1], places[2][1]) << "red";
  EXPECT_EQ(places[1][1], places[3][1]) << "blue";
  EXPECT_NE(places[0][1], places[1][1]) << "red and blue";
}

TEST_F(JobTablesTest, PlacesAreTakenEvenlyAlsoByKeysThatFollowEachOther) {
  constexpr size_t kPlaces = 16, kWidth = 1 + kPlaces;
  const absl::StatusOr<JobData> data =
      Open(ClassifierOf("17", 2) + "data { synthetic_table { dense: 1 categorical: 1 categories: 4000 } }");
  ASSERT_TRUE(data.ok()) << data.status();
  BatchRequest request;
  for (uint64_t i = 0; i < 20'000; ++i) request.indices.push_back(i);
  const MadeBatch batch = MakeBatch(*data->train, request, kWidth);
  std::map<uint64_t, size_t> place_of;  // by category
  const auto table = MakeSyntheticTable({.dense = 1, .categorical = 1, .categories = 4000}, Split::kTrain);
  TableDataset::Scratch scratch;
  for (const uint64_t i : request.indices) {
    const float* const ones = &batch.examples[i * kWidth + 1];
    place_of[(*table)->Get(i, scratch).keys[0]] = static_cast<size_t>(std::find(ones, ones + kPlaces, 1.0f) - ones);
  }
  std::vector<size_t> count(kPlaces);
  for (const auto& [category, place] : place_of) ++count.at(place);
  const auto [least, most] = std::minmax_element(count.begin(), count.end());
  const size_t fair = place_of.size() / kPlaces;
  EXPECT_GT(fair, 50u);
  EXPECT_GT(*least, fair / 2);
  EXPECT_LT(*most, 2 * fair);
}

TEST_F(JobTablesTest, OtherWidthsAreRefusedWithThoseThatFit) {
  const std::string table = "data {\n synthetic_table { dense: 5 categorical: 3 }\n}\n";
  EXPECT_EQ(ErrorOf(RegressionOf(36, "mean_squared_error") + table),
            "my.textproto:8:2: data.synthetic_table: synthetic table has 5 columns of numbers and 3 of categories, and "
            "the model's input \"x\" takes [36]: give it shape: 5 for the numbers alone, or 5 + 3 x N for each "
            "category hashed into N places, like 35 or 38");
  EXPECT_THAT(ErrorOf(RegressionOf(2, "mean_squared_error") + table), HasSubstr("like 305 or 308"));
  EXPECT_THAT(ErrorOf(ClassifierOf("[1, 5, 1]", 2) + table), HasSubstr("takes [1, 5, 1]: give it shape: 5"));
  EXPECT_THAT(ErrorOf(RegressionOf(6, "mean_squared_error") + "data { synthetic_table { dense: 5 categorical: 0 } }"),
              ::testing::EndsWith("give it shape: 5 for the numbers alone"));
  EXPECT_EQ(ErrorOf(RegressionOf(38, "mean_squared_error") + table), "no error");
}

TEST_F(JobTablesTest, TheSyntheticTableIsThatOfItsSeed) {
  const absl::StatusOr<JobData> data = Open(RegressionOf(3, "sigmoid_cross_entropy") +
                                            "seed: 5 data { synthetic_table { dense: 3 categorical: 0 noise: 0.1 "
                                            "train_examples: 1000 test_examples: 10 } }");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->description, "synthetic table: 1,000 to train on, 10 to test by, made from seed 5");
  const auto table =
      MakeSyntheticTable({.dense = 3, .categorical = 0, .examples = 10, .seed = 5, .noise = 0.1f}, Split::kTest);
  TableDataset::Scratch scratch;
  const TableExample row = (*table)->Get(7, scratch);
  const MadeBatch batch = MakeBatch(*data->test, {.indices = {7}}, 3);
  EXPECT_THAT(batch.examples, ElementsAre(row.dense[0], row.dense[1], row.dense[2]));
  EXPECT_THAT(batch.targets, ElementsAre(row.label));
}

TEST_F(JobTablesTest, LabelsThatTheLossDoesNotTakeAreRefused) {
  Write("rows.csv", "age,bought\n20,0.5\n30,1.5\n");
  const std::string csv = "data {\n csv { train_file: 'rows.csv' dense: 'age' label: 'bought' classes: 0 } }";
  EXPECT_THAT(ErrorOf(ClassifierOf("1", 2) + csv),
              AllOf(StartsWith("my.textproto:9:60: data.csv.classes: "), HasSubstr("say how many classes")));
  EXPECT_THAT(ErrorOf(RegressionOf(1, "sigmoid_cross_entropy") + csv),
              HasSubstr("the label of row 2 of rows.csv is 1.5, and sigmoid_cross_entropy takes labels from 0 to 1"));
  const absl::StatusOr<JobData> data = Open(RegressionOf(1, "mean_squared_error") + csv);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_THAT(MakeBatch(*data->train, {.indices = {0, 1}}, 1).targets, ElementsAre(0.5, 1.5));
  EXPECT_THAT(
      ErrorOf(ClassifierOf("1", 2) + "data { csv { train_file: 'rows.csv' dense: 'age' label: 'bought' classes: 3 } }"),
      HasSubstr("rows.csv:2: "))
      << "the file is read first, and its labels are no classes";
}

TEST_F(JobTablesTest, RowsHeldBackForValidationAreTheLastOnes) {
  Write("rows.csv", kRows);
  std::string job = RegressionOf(1, "mean_squared_error") + kCsv;
  job.insert(job.find("data {") + 6, " validation_examples: 1");
  const absl::StatusOr<JobData> data = Open(job);
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->train->size(), 3u);
  EXPECT_THAT(MakeBatch(*data->validation, {.indices = {0}}, 1).examples, ElementsAre(50));
  HostBatch batch;
  EXPECT_EQ(data->train->Make({.indices = {3}}, &batch).code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace downpour
