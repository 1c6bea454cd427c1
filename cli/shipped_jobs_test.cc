#include "deploy/jobs/shipped_jobs.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cli/load_whole_job.h"
#include "common/base/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/train/job_data.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ShippedJobTest : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const ShippedJob& job : ShippedJobs()) names.emplace_back(job.name);
  return names;
}

TEST_P(ShippedJobTest, IsAJobByNameAndTheSameByItsFile) {
  const absl::StatusOr<LoadedJob> by_name = LoadWholeJob(GetParam(), {});
  ASSERT_TRUE(by_name.ok()) << by_name.status();
  EXPECT_EQ(by_name->config.name(), GetParam());
  const absl::StatusOr<LoadedJob> by_file = LoadWholeJob("deploy/jobs/" + GetParam() + ".textproto", {});
  ASSERT_TRUE(by_file.ok()) << by_file.status();
  EXPECT_EQ(by_file->config.DebugString(), by_name->config.DebugString());
}

TEST_P(ShippedJobTest, ItsDataFitsItsModel) {
  const std::string overrides[] = {"data.synthetic_if_missing=true"};
  const absl::StatusOr<LoadedJob> job = LoadWholeJob(GetParam(), overrides);
  ASSERT_TRUE(job.ok()) << job.status();
  // A folder without data, so that it is the stand-ins of the same size that are opened.
  const absl::StatusOr<JobData> data = OpenJobData(*job, ::testing::TempDir());
  ASSERT_TRUE(data.ok()) << data.status();
  HostBatch batch;
  EXPECT_TRUE(data->train->Make({.indices = {0, data->train->size() - 1}}, &batch).ok());
  EXPECT_NE(data->test, nullptr);
}

INSTANTIATE_TEST_SUITE_P(All, ShippedJobTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

TEST(ShippedJobsTest, TheReadmeTellsOfEach) {
  std::ifstream file("deploy/jobs/README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  for (const std::string& name : Names()) EXPECT_THAT(readme, HasSubstr("| `" + name + "` |"));
}

TEST(ShippedJobsTest, OverridesReachAShippedJobAndItsModel) {
  const std::string overrides[] = {"batch=64", "model.layer[7].dense.units=32"};
  const absl::StatusOr<LoadedJob> job = LoadWholeJob("quickstart", overrides);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->config.batch(), 64u);
  EXPECT_EQ(job->config.model().layer(7).dense().units(), 32u);
  const std::string wrong[] = {"model_file=none.textproto"};
  EXPECT_THAT(LoadWholeJob("quickstart", wrong).status().message(), HasSubstr("none.textproto"));
}

TEST(ShippedJobsTest, AnUnknownNameListsTheKnownOnes) {
  const absl::Status status = LoadWholeJob("quikstart", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              StartsWith("\"quikstart\" is neither a file nor a shipped job. Those are: cifar10 cifar10_fast"));
}

}  // namespace
}  // namespace downpour
