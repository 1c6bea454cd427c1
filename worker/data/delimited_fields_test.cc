#include "worker/data/delimited_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Split(std::string_view line, char delimiter = ',') {
  std::string unquoted;
  std::vector<std::string_view> fields;
  const absl::Status status = SplitFields(line, delimiter, &unquoted, &fields);
  EXPECT_TRUE(status.ok()) << status;
  return {fields.begin(), fields.end()};
}

std::string ErrorOf(std::string_view line) {
  std::string unquoted;
  std::vector<std::string_view> fields;
  return std::string(SplitFields(line, ',', &unquoted, &fields).message());
}

TEST(DelimitedFieldsTest, SplitsAtEachDelimiter) {
  EXPECT_THAT(Split("a,bc,,d "), ElementsAre("a", "bc", "", "d "));
  EXPECT_THAT(Split("a,b\tc,\"", '\t'), ElementsAre("a,b", "c,\""));
  EXPECT_THAT(Split(""), ElementsAre(""));
  EXPECT_THAT(Split(","), ElementsAre("", ""));
  EXPECT_THAT(Split("a,"), ElementsAre("a", ""));
}

TEST(DelimitedFieldsTest, TakesQuotesOff) {
  EXPECT_THAT(Split(R"("a,b",c,"","say ""no""",d"e)"), ElementsAre("a,b", "c", "", "say \"no\"", "d\"e"));
  EXPECT_THAT(Split(R"(x,"a")"), ElementsAre("x", "a"));
  EXPECT_THAT(Split(R"("a",)"), ElementsAre("a", ""));
  EXPECT_THAT(Split(R"("""")"), ElementsAre("\""));
}

TEST(DelimitedFieldsTest, KeepsEarlierFieldsWhileLaterOnesAreUnquoted) {
  std::string line;
  for (int i = 0; i < 200; ++i) line += (i == 0 ? "\"x\"\"" : ",\"x\"\"") + std::string(50, 'y') + "\"";
  const std::vector<std::string> fields = Split(line);
  ASSERT_EQ(fields.size(), 200u);
  for (const std::string& field : fields) EXPECT_EQ(field, "x\"" + std::string(50, 'y'));
}

TEST(DelimitedFieldsTest, NamesTheFieldWhoseQuotesAreWrong) {
  EXPECT_THAT(ErrorOf(R"(a,"b)"), HasSubstr("field 2 begins with is not closed"));
  EXPECT_THAT(ErrorOf(R"(a,")"), HasSubstr("field 2 begins with is not closed"));
  EXPECT_THAT(ErrorOf(R"(a,"b"",c)"), HasSubstr("not closed"));
  EXPECT_THAT(ErrorOf(R"(a,b,"c"d,e)"), HasSubstr("closing quote of field 3 is followed by more"));
}

}  // namespace
}  // namespace downpour
