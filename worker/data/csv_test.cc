#include "worker/data/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "common/base/philox.h"
#include "worker/data/test_files.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::WriteFile;

class CsvTest : public ::testing::Test {
 protected:
  absl::StatusOr<CsvTable> Load(const std::string& bytes) {
    WriteFile(path_, bytes);
    return LoadCsv(path_, schema_);
  }
  std::string ErrorOf(const std::string& bytes, absl::StatusCode code = absl::StatusCode::kDataLoss) {
    const absl::Status status = Load(bytes).status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }
  static TableExample Row(const CsvTable& csv, uint64_t index) {
    static TableDataset::Scratch scratch;
    return csv.table->Get(index, scratch);
  }

  const std::string path_ = testing::MakeTestFolder("files") + "/t.csv";
  CsvSchema schema_ = {.dense = {"age", "height"}, .categorical = {"town"}, .label = "bought"};
  const std::string good_ = "town,age,bought,unused,height\nUlm,30,1,x,1.75\n\"Bonn, am Rhein\",-4e1,0,,2\n";
};

TEST_F(CsvTest, ReadsTheColumnsThatTheSchemaNames) {
  const auto csv = Load(good_);
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(csv->table->schema(), (TableSchema{{"age", "height"}, {"town"}, 2}));
  ASSERT_EQ(csv->table->size(), 2u);
  EXPECT_THAT(Row(*csv, 0).dense, ElementsAre(30, 1.75f));
  EXPECT_THAT(Row(*csv, 0).keys, ElementsAre(CategoryKey("town", "Ulm")));
  EXPECT_EQ(Row(*csv, 0).label, 1);
  EXPECT_THAT(Row(*csv, 1).dense, ElementsAre(-40, 2));
  EXPECT_THAT(Row(*csv, 1).keys, ElementsAre(CategoryKey("town", "Bonn, am Rhein")));
  EXPECT_EQ(Row(*csv, 1).label, 0);
  EXPECT_EQ(csv->skipped, 0u);
}

TEST_F(CsvTest, ReadsWindowsLinesEmptyLinesAndAByteOrderMark) {
  const auto csv = Load("\xef\xbb\xbftown,age,bought,height\r\n\r\nUlm,1,1,2\r\n\r\nUlm,3,0,4\r\n\r\n");
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(csv->table->size(), 2u);
  EXPECT_THAT(Row(*csv, 1).dense, ElementsAre(3, 4));
}

TEST_F(CsvTest, NamesColumnsByNumberWithoutAHeader) {
  schema_ = {.dense = {"3"}, .categorical = {"1", "2"}, .label = "4", .classes = 0, .delimiter = '\t', .header = false};
  const auto csv = Load("a\tb\t1.5\t-7.25\nb\ta\t2\t0\n");
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_THAT(Row(*csv, 0).dense, ElementsAre(1.5f));
  EXPECT_EQ(Row(*csv, 0).label, -7.25f);
  EXPECT_THAT(Row(*csv, 1).keys, ElementsAre(CategoryKey("1", "b"), CategoryKey("2", "a")));
  EXPECT_NE(CategoryKey("1", "a"), CategoryKey("2", "a")) << "the same text in two columns is two categories";
  EXPECT_THAT(ErrorOf("a\tb\t1\n"), HasSubstr("t.csv:1: 3 fields where the schema uses column 4"));
  EXPECT_THAT(ErrorOf("a\tb\t1\t1\na\tb\t1\t1\tx\n"), HasSubstr("t.csv:2: 5 fields where the first row has 4"));
  for (const char* const name : {"0", "age", "-1", "70000", "99999999999"}) {
    schema_.label = name;
    EXPECT_THAT(ErrorOf("a\tb\t1\t1\n", absl::StatusCode::kInvalidArgument),
                HasSubstr("without a header, columns are 1.."));
  }
}

TEST_F(CsvTest, NamesFileAndLineOfABadRow) {
  EXPECT_THAT(ErrorOf(good_ + "\nUlm,30,1,x\n"), HasSubstr(path_ + ":5: 4 fields where the header has 5"));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,30,1,x,1,2\n"), HasSubstr(":4: 6 fields where the header has 5"));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,thirty,1,x,1\n"),
              HasSubstr(":4: field 2 is \"thirty\"; it must be a finite number"));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,,1,x,1\n"), HasSubstr(":4: field 2 is \"\"; it must be a finite number"));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,3,1,x,nan\n"), HasSubstr(":4: field 5 is \"nan\"; it must be a finite number"));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,3,1,x,1e99\n"), HasSubstr(":4: field 5 is \"1e99\""));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,3,2,x,1\n"), HasSubstr(":4: field 3 is \"2\"; it must be a label in 0..1"));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,3,1.0,x,1\n"), HasSubstr(":4: field 3 is \"1.0\"; it must be a label in 0..1"));
  EXPECT_THAT(ErrorOf(good_ + "\"Ulm,3,1,x,1\nUlm,3,1,x,1\n"), HasSubstr(":4: the quote that field 1 begins with"));
  EXPECT_THAT(ErrorOf(good_ + std::string(2'000'000, 'x')), HasSubstr(":4: the line has more than 1048576 bytes"));
  EXPECT_THAT(ErrorOf(good_ + "Ulm,\x01\xff\n,1,x,1\n"), HasSubstr(":4: 2 fields"));
}

TEST_F(CsvTest, SkipsAndCountsBadRowsIfAsked) {
  schema_.on_error = CsvSchema::OnError::kSkip;
  const auto csv =
      Load(good_ + "Ulm,30,1,x\n\"Ulm,3,1,x,1\nUlm,31,7,x,1\n" + std::string(2'000'000, 'x') + "\nUlm,32,1,x,1\n");
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(csv->skipped, 4u);
  EXPECT_EQ(csv->first_skipped, path_ + ":4: 4 fields where the header has 5");
  ASSERT_EQ(csv->table->size(), 3u);
  EXPECT_THAT(Row(*csv, 2).dense, ElementsAre(32, 1));
  EXPECT_THAT(Row(*csv, 2).keys, ElementsAre(CategoryKey("town", "Ulm"))) << "no half of a skipped row is kept";
  EXPECT_THAT(ErrorOf("town,age,bought,height\na\nb\n"),
              HasSubstr("all 2 rows were skipped; the first: " + path_ + ":2: 1 fields"));
}

TEST_F(CsvTest, PutsAValueForEmptyNumbersIfAsked) {
  schema_.empty_dense = -1;
  const auto csv = Load(good_ + "Ulm,,1,x,\n");
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_THAT(Row(*csv, 2).dense, ElementsAre(-1, -1));
}

TEST_F(CsvTest, RefusesBadHeadersAndEmptyFiles) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("t.csv: empty; a header line is expected"));
  EXPECT_THAT(ErrorOf("town,age,bought,height\n"), HasSubstr("t.csv: no rows"));
  EXPECT_THAT(ErrorOf("town,age,height\nUlm,1,2\n"),
              HasSubstr("t.csv:1: no column \"bought\" in the header, which has 3: \"town\", \"age\", \"height\""));
  EXPECT_THAT(ErrorOf("town,age,bought,height,age\n"), HasSubstr("t.csv:1: column \"age\" is in the header twice"));
  EXPECT_THAT(ErrorOf("\"town,age\n"), HasSubstr("t.csv:1: the quote"));
}

TEST_F(CsvTest, RefusesSchemasThatCannotBe) {
  const auto refuse = [&](CsvSchema schema, const char* why) {
    schema_ = schema;
    EXPECT_THAT(ErrorOf(good_, absl::StatusCode::kInvalidArgument), HasSubstr(why));
  };
  refuse({.label = "bought"}, "names no dense and no categorical column");
  refuse({.dense = {"age"}, .categorical = {"age"}, .label = "bought"}, "names column \"age\" twice");
  refuse({.dense = {"age"}, .label = "age"}, "as the label and as an input");
  refuse({.dense = {"age"}, .label = "bought", .classes = 1}, "1 classes");
  refuse({.dense = {"age"}, .label = "bought", .delimiter = '"'}, "delimiter");
  refuse({.dense = {"age"}, .label = "bought", .empty_dense = NAN}, "empty_dense");
}

TEST_F(CsvTest, SurvivesEveryTruncationAndRandomDamage) {
  for (size_t size = 0; size < good_.size(); ++size) {
    const auto csv = Load(good_.substr(0, size));
    // Cut before its last field is whole, the second row is bad; the first may be all that is left.
    if (csv.ok()) {
      EXPECT_LE(csv->table->size(), 2u);
    }
    if (!csv.ok()) {
      EXPECT_THAT(std::string(csv.status().message()), HasSubstr("t.csv:")) << size;
    }
  }
  schema_.on_error = CsvSchema::OnError::kSkip;
  PhiloxStream random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good_;
    for (uint64_t flips = 1 + random.UniformInt(4); flips > 0; --flips) {
      bytes[random.UniformInt(bytes.size())] ^= static_cast<char>(1 << random.UniformInt(8));
    }
    const auto csv = Load(bytes);
    for (uint64_t i = 0; csv.ok() && i < csv->table->size(); ++i) {
      EXPECT_TRUE(Row(*csv, i).label == 0 || Row(*csv, i).label == 1);
    }
  }
}

}  // namespace
}  // namespace downpour
