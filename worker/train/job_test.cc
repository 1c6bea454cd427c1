#include "worker/train/job.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kModel[] = R"(name: "tiny"
input { name: "images" shape: [4, 4, 1] }
input { name: "labels" dtype: INT32 }
layer { name: "flat" input: "images" flatten {} }
layer { name: "logits" dense { units: 10 } }
layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
)";

constexpr char kJob[] = R"(model_file: "tiny.textproto"
data { synthetic_images { height: 4 width: 4 } }
budget { epochs: 2 }
)";

class JobTest : public ::testing::Test {
 protected:
  JobTest() {
    folder_ = ::testing::TempDir() + "/job_test";
    std::filesystem::create_directories(folder_);
    Write("tiny.textproto", kModel);
  }

  void Write(const std::string& name, const std::string& text) const { std::ofstream(folder_ + "/" + name) << text; }
  std::string PathOf(const std::string& name) const { return folder_ + "/" + name; }

  absl::StatusOr<LoadedJob> Load(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    Write("my_job.textproto", text);
    return LoadJob(PathOf("my_job.textproto"), overrides);
  }
  // The error, with the folder of the test cut out.
  std::string ErrorOf(const std::string& text, const std::vector<std::string>& overrides = {}) const {
    const absl::StatusOr<LoadedJob> job = Load(text, overrides);
    if (job.ok()) return "no error";
    std::string message(ToStd(job.status().message()));
    for (size_t at; (at = message.find(folder_ + "/")) != std::string::npos;) message.erase(at, folder_.size() + 1);
    return message;
  }

  std::string folder_;
};

TEST_F(JobTest, ASmallFileIsAWholeJobOnceDefaultsAreFilledIn) {
  const absl::StatusOr<LoadedJob> job = Load(kJob);
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->config.name(), "my_job");
  EXPECT_EQ(job->config.batch(), 128u);
  EXPECT_EQ(job->config.seed(), 1u);
  EXPECT_TRUE(job->config.optimizer().has_sgd());
  EXPECT_EQ(job->config.policy().async().fetch_every(), 1u);
  EXPECT_EQ(job->config.data().synthetic_images().train_examples(), 60'000u);
  EXPECT_EQ(job->config.evaluation().every_epochs(), 1);
  EXPECT_FALSE(job->config.evaluation().use_average());
  EXPECT_FALSE(job->config.replica().has_local());
  EXPECT_EQ(Load(std::string(kJob) + "policy { async { fetch_every: 2 } } replica { local {} }")
                ->config.replica()
                .local()
                .learning_rate(),
            0.01);
  EXPECT_EQ(job->config.model().name(), "tiny");
  EXPECT_EQ(job->graph->parameters().size(), 2u);
  EXPECT_EQ(job->inputs.examples, 0u);
  EXPECT_EQ(job->inputs.labels, 1u);
}

TEST_F(JobTest, WhatIsPrintedIsTheSameJob) {
  const absl::StatusOr<LoadedJob> job = Load(kJob);
  ASSERT_TRUE(job.ok());
  const absl::StatusOr<LoadedJob> again = Load(job->config.DebugString());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->config.DebugString(), job->config.DebugString());
}

TEST_F(JobTest, DefaultsFollowWhatTheFileSays) {
  EXPECT_TRUE(Load(std::string(kJob) + "optimizer { sgd {} average {} }")->config.evaluation().use_average());
  EXPECT_EQ(Load(std::string(kJob) + "policy { elastic_averaging {} }")->config.replica().local().learning_rate(),
            0.01);
  EXPECT_FALSE(Load(std::string(kJob) + "evaluation { every_steps: 5 }")->config.evaluation().has_every_epochs());
  EXPECT_EQ(Load(kJob, {"seed=9"})->config.data().synthetic_images().seed(), 9u);
}

TEST_F(JobTest, OverridesReachTheJobAndItsModel) {
  const absl::StatusOr<LoadedJob> job =
      Load(kJob, {"optimizer.adagrad.eps=0.05", "model.layer[1].dense.units=12", "batch=7", "batch=8"});
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->config.optimizer().adagrad().eps(), 0.05);
  EXPECT_EQ(job->graph->FindTensor("logits").has_value(), true);
  EXPECT_EQ(job->config.model().layer(1).dense().units(), 12u);
  EXPECT_EQ(job->config.batch(), 8u);
  EXPECT_THAT(ErrorOf(kJob, {"batch=0"}), StartsWith("--set: batch: is 0"));
}

TEST_F(JobTest, ErrorsNameFileLineAndField) {
  EXPECT_THAT(ErrorOf("x: 1"), StartsWith("my_job.textproto:1:"));
  EXPECT_THAT(ErrorOf(std::string(kJob) + "batch: 0"),
              StartsWith("my_job.textproto:4:1: batch: is 0; it must be from"));
  EXPECT_THAT(ErrorOf(std::string(kJob) + "replica {\n  clip_global_norm: -1\n}"),
              StartsWith("my_job.textproto:5:3: replica.clip_global_norm is -1; it must be in (0, inf)"));
  EXPECT_THAT(ErrorOf(std::string(kJob) + "budget { }"), HasSubstr("budget"));
  // What is missing has the place of what it is missing in.
  EXPECT_EQ(ErrorOf("model_file: 'tiny.textproto' budget { steps: 1 }"),
            "my_job.textproto: data: is missing: say what to train on, like data { fashion_mnist {} }");
  EXPECT_THAT(ErrorOf("model_file: 'tiny.textproto'\ndata { idx { train_images: 'x' } }"),
              StartsWith("my_job.textproto:2:8: data.idx.train_labels: is missing"));
}

TEST_F(JobTest, TheModelsFileIsNamedInItsErrors) {
  EXPECT_THAT(ErrorOf("data { mnist {} }"), HasSubstr("give model_file or model"));
  EXPECT_THAT(ErrorOf("model_file: 'none.textproto'"),
              AllOf(StartsWith("my_job.textproto:1:1: model_file: "), HasSubstr("none.textproto")));
  Write("bad.textproto", "name: 'a'\nlayers {}");
  EXPECT_THAT(ErrorOf("model_file: 'bad.textproto'"), StartsWith("bad.textproto:2:"));
  Write("bad.textproto", "input { name: 'x' shape: 2 }\nlayer { name: 'd' input: 'y' relu {} }");
  EXPECT_THAT(ErrorOf("model_file: 'bad.textproto'"),
              StartsWith("bad.textproto:2:1: model.layer[0]: layer d takes \"y\""));
}

TEST_F(JobTest, AModelThatCannotBeTrainedIsRefused) {
  const std::string rest = " data { mnist {} } budget { steps: 1 }";
  EXPECT_THAT(ErrorOf("model { input { name: 'x' shape: 2 } layer { name: 'd' input: 'x' relu {} } }" + rest),
              HasSubstr("two inputs, one of them called \"labels\""));
  EXPECT_THAT(ErrorOf("model { input { name: 'x' shape: 2 } input { name: 'labels' shape: 2 } "
                      "layer { name: 'd' input: 'x' input: 'labels' mean_squared_error {} } }" +
                      rest),
              HasSubstr("one number for each example"));
}

TEST_F(JobTest, FieldsThatDoNotGoTogetherAreRefused) {
  const std::string job = kJob;
  EXPECT_THAT(ErrorOf(job + "evaluation { use_average: true }"), HasSubstr("needs optimizer.average"));
  EXPECT_THAT(ErrorOf(job + "evaluation { every_steps: 1 every_epochs: 1 }"), HasSubstr("give one"));
  EXPECT_THAT(ErrorOf(job + "evaluation { off: true early_stopping {} }"), HasSubstr("they are off"));
  EXPECT_THAT(ErrorOf(job + "replica { local {} }"), HasSubstr("async with fetch_every above 1"));
  EXPECT_THAT(ErrorOf(job + "policy { bounded_staleness {} } replica { local {} }"), HasSubstr("model_averaging"));
  EXPECT_THAT(ErrorOf(job + "policy { elastic_averaging {} } replica { local { schedule { cosine {} } } }"),
              HasSubstr("replica.local.schedule: local.schedule.cosine.total_steps"));
  EXPECT_THAT(ErrorOf(job + "replica { compute: INT32 }"), HasSubstr("FLOAT32 or BFLOAT16"));
  EXPECT_THAT(ErrorOf(job + "name: 'a/b'"), HasSubstr("letters, digits"));
  EXPECT_THAT(ErrorOf(job, {"budget={}"}), HasSubstr("say when the run ends"));
  EXPECT_THAT(ErrorOf(job, {"data.augmentation.contrast_low=2"}), HasSubstr("contrast_high is 1"));
}

TEST_F(JobTest, AMissingJobIsAnError) {
  EXPECT_EQ(LoadJob(PathOf("none"), {}).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace downpour
