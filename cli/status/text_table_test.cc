#include "cli/status/text_table.h"

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(TextTable, SetsWordsLeftAndNumbersRight) {
  TextTable table({{.title = "WHO", .left = true}, {.title = "N"}, {.title = "STATE", .left = true}});
  table.Add({"größe", "1", "live"});
  table.Add({"b", "12,000", "x"});
  table.Add({"c"});
  EXPECT_EQ(table.Text(),
            "WHO         N  STATE\n"
            "größe       1  live\n"
            "b      12,000  x\n"
            "c\n");
}

TEST(TextTable, IgnoresCellsWithoutAColumn) {
  TextTable table({{.title = "A"}});
  table.Add({"1", "2"});
  EXPECT_EQ(table.Text(), "A\n1\n");
}

}  // namespace
}  // namespace downpour
