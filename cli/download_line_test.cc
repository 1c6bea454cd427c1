#include "cli/download_line.h"

#include "gtest/gtest.h"

namespace downpour {
namespace {

TEST(DownloadLineTest, ShowsABarWhereTheSizeIsKnown) {
  EXPECT_EQ(DownloadLine("train.gz", 12'300'000, 24'600'000, 3'200'000, 80),
            "train.gz  [##########----------]  50 %  12.3 MB of 24.6 MB  3.2 MB/s  0:04 left");
  EXPECT_EQ(DownloadLine("train.gz", 500, 500, 0, 80),
            "train.gz  [##############################]  100 %  500 B of 500 B");
  EXPECT_EQ(DownloadLine("train.gz", 12'300'000, 0, 3'200'000, 80), "train.gz  12.3 MB  3.2 MB/s");
}

TEST(DownloadLineTest, IsNeverWiderThanTheTerminal) {
  EXPECT_EQ(DownloadLine("train.gz", 12'300'000, 24'600'000, 3'200'000, 62),
            "train.gz  50 %  12.3 MB of 24.6 MB  3.2 MB/s  0:04 left");
  EXPECT_EQ(DownloadLine("train.gz", 12'300'000, 24'600'000, 3'200'000, 20), "train.gz  50 %  12.");
  EXPECT_EQ(DownloadLine("train.gz", 1, 2, 3, 0), "t");
}

}  // namespace
}  // namespace downpour
