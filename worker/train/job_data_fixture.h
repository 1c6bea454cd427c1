// Jobs in a folder of their own, and what their data opens as.
#ifndef DOWNPOUR_WORKER_TRAIN_JOB_DATA_FIXTURE_H_
#define DOWNPOUR_WORKER_TRAIN_JOB_DATA_FIXTURE_H_

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/data/test_files.h"
#include "worker/train/job.h"
#include "worker/train/job_data.h"

namespace downpour::testing {

// A model of one dense layer with a softmax over `classes`.
inline std::string ClassifierOf(const std::string& shape, int classes = 10) {
  return absl::StrCat("model {\n input { name: 'x' ", shape.empty() ? "" : "shape: ", shape,
                      " }\n input { name: 'labels' dtype: INT32 }\n layer { name: 'flat' input: 'x' flatten {} }\n",
                      " layer { name: 'logits' dense { units: ", classes,
                      " } }\n layer { name: 'loss' input: 'logits' input: 'labels' softmax_cross_entropy {} }\n}\n");
}

// One number from a vector, with a loss like "mean_squared_error".
inline std::string RegressionOf(int width, const std::string& loss) {
  return absl::StrCat("model {\n input { name: 'x' shape: ", width,
                      " }\n input { name: 'labels' }\n layer { name: 'score' input: 'x' dense { units: 1 } }\n",
                      " layer { name: 'loss' input: 'score' input: 'labels' ", loss, " {} }\n}\n");
}

class JobDataTest : public ::testing::Test {
 protected:
  // The system's folder and the environment's are not to be found by tests that say they are missing.
  JobDataTest() : folder_(MakeTestFolder("job")) { unsetenv("DOWNPOUR_DATA"); }

  std::string PathOf(const std::string& name) const { return folder_ + "/" + name; }
  void Write(const std::string& name, std::string_view bytes) const { WriteFile(PathOf(name), bytes); }

  // Images of `height` x `width`, image i all of value i, with label i % 10.
  void WriteIdx(const std::string& prefix, uint32_t count, uint32_t height, uint32_t width) const {
    std::string pixels, labels;
    for (uint32_t i = 0; i < count; ++i) {
      pixels += std::string(size_t{height} * width, static_cast<char>(i));
      labels += static_cast<char>(i % 10);
    }
    Write(prefix + "-images-idx3-ubyte", IdxBytes({count, height, width}, pixels));
    Write(prefix + "-labels-idx1-ubyte", IdxBytes({count}, labels));
  }

  absl::StatusOr<JobData> Open(const std::string& job, const std::string& data_dir = "") const {
    Write("my.textproto", job + "budget { epochs: 1 }");
    const absl::StatusOr<LoadedJob> loaded = LoadJob(PathOf("my.textproto"), {});
    if (!loaded.ok()) {
      ADD_FAILURE() << "the job itself is refused: " << loaded.status();
      return loaded.status();
    }
    return OpenJobData(*loaded, data_dir);
  }

  // The error of opening, with the folder of the test cut out.
  std::string ErrorOf(const std::string& job, const std::string& data_dir = "") const {
    const absl::StatusOr<JobData> data = Open(job, data_dir);
    if (data.ok()) return "no error";
    return absl::StrReplaceAll(std::string(data.status().message()), {{folder_ + "/", ""}});
  }

  std::string folder_;
};

struct MadeBatch {
  std::vector<float> examples;
  std::vector<int32_t> classes;  // the labels, where they are int32
  std::vector<float> targets;    // and where they are float32
};

inline MadeBatch MakeBatch(const ExampleSet& set, const BatchRequest& request, size_t example_size) {
  HostBatch batch;
  const absl::Status status = set.Make(request, &batch);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(batch.size, static_cast<int64_t>(request.indices.size()));
  const auto examples = batch.examples.Elements<float>().first(request.indices.size() * example_size);
  const auto classes = batch.labels.Elements<int32_t>().first(request.indices.size());
  const auto targets = batch.labels.Elements<float>().first(request.indices.size());
  return {{examples.begin(), examples.end()}, {classes.begin(), classes.end()}, {targets.begin(), targets.end()}};
}

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_TRAIN_JOB_DATA_FIXTURE_H_
