#include "common/telemetry/event_file.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "common/base/string_view.h"
#include "common/telemetry/read_events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'600'000'000);

std::string Folder(const std::string& name) {
  const std::string folder = ::testing::TempDir() + "/event_file_test/" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

TEST(EventFileTest, WritesScalarsAndHistogramsAsRecordsWithChecksums) {
  auto file = EventFile::Create(Folder("all") + "/new/run1", kStart, "worker-0");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT((*file)->name(), HasSubstr("run1/events.out.tfevents.1600000000.worker-0"));
  ASSERT_TRUE((*file)->AddScalar(kStart + absl::Milliseconds(1500), 12, "loss/train", 2.5).ok());
  ASSERT_TRUE((*file)->AddHistogram(kStart, 13, "weights/conv1", MakeHistogram(std::vector<float>{1, 2})).ok());
  ASSERT_TRUE((*file)->Flush().ok());

  const std::vector<tensorboard::Event> events = ReadEvents((*file)->name());
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
  EXPECT_EQ(events[1].wall_time(), 1'600'000'001.5);
  EXPECT_EQ(events[1].step(), 12);
  EXPECT_EQ(events[1].summary().value(0).tag(), "loss/train");
  EXPECT_EQ(events[1].summary().value(0).simple_value(), 2.5f);
  EXPECT_EQ(events[2].step(), 13);
  EXPECT_EQ(events[2].summary().value(0).histo().num(), 2);
}

TEST(EventFileTest, TheFirstRecordIsThereAtOnce) {
  auto file = EventFile::Create(Folder("first"), kStart, "x");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(ReadEvents((*file)->name()).size(), 1u);
}

TEST(EventFileTest, TwoRunsInOneSecondShareAFile) {
  const std::string folder = Folder("same");
  for (int run = 0; run < 2; ++run) {
    auto file = EventFile::Create(folder, kStart, "x");
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->AddScalar(kStart, run, "loss", run).ok());
  }
  EXPECT_EQ(ReadEvents(folder + "/events.out.tfevents.1600000000.x").size(), 4u);
}

TEST(EventFileTest, AHistogramCountsEveryFiniteValueOnce) {
  std::vector<float> values = {std::nanf(""), std::numeric_limits<float>::infinity()};
  for (int i = 0; i <= 100; ++i) values.push_back(static_cast<float>(i) / 10);
  const tensorboard::Histogram histogram = MakeHistogram(values, 10);
  EXPECT_EQ(histogram.num(), 101);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 10);
  EXPECT_NEAR(histogram.sum(), 505, 1e-4);
  EXPECT_NEAR(histogram.sum_squares(), 3383.5, 1e-3);
  ASSERT_EQ(histogram.bucket_size(), 10);
  EXPECT_EQ(histogram.bucket_limit(9), 10);
  double count = 0;
  for (const double bucket : histogram.bucket()) {
    EXPECT_NEAR(bucket, 10, 1);
    count += bucket;
  }
  EXPECT_EQ(count, 101);
}

TEST(EventFileTest, HistogramsOfNothingOrOfOneValueAreAllRight) {
  EXPECT_EQ(MakeHistogram({}).num(), 0);
  EXPECT_EQ(MakeHistogram({}).bucket_size(), 0);
  const tensorboard::Histogram same = MakeHistogram(std::vector<float>{3, 3, 3});
  EXPECT_THAT(same.bucket(), ElementsAre(3));
  EXPECT_THAT(same.bucket_limit(), ElementsAre(3));
  // A range beyond float, and one too narrow to be cut.
  const float most = std::numeric_limits<float>::max();
  EXPECT_EQ(MakeHistogram(std::vector<float>{-most, most}, 2).bucket(1), 1);
  EXPECT_EQ(MakeHistogram(std::vector<float>{0, std::numeric_limits<float>::denorm_min()}, 4).num(), 2);
}

TEST(EventFileTest, AFolderThatCannotBeWrittenIsNamed) {
  const auto file = EventFile::Create("/proc/nowhere", kStart, "x");
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(ToStd(file.status().message()), HasSubstr("/proc/nowhere"));
}

TEST(EventFileTest, AFullDiskIsReportedFromThenOn) {
  const std::string folder = Folder("full");
  std::filesystem::create_directories(folder);
  std::filesystem::create_symlink("/dev/full", folder + "/events.out.tfevents.1600000000.x");
  const auto file = EventFile::Create(folder, kStart, "x");
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().code(), absl::StatusCode::kResourceExhausted) << file.status();
}

}  // namespace
}  // namespace downpour
