#include "cli/step/step_bench_cases.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "worker/device/reference/reference_device.h"

namespace downpour {
namespace {

constexpr char kModel[] = R"(
  input { name: "x" shape: 4 }
  input { name: "labels" dtype: INT32 }
  layer { name: "flat" input: "x" flatten {} }
  layer { name: "logits" dense { units: 3 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
)";

class StepBenchCasesTest : public ::testing::Test {
 protected:
  StepBenchCasesTest() {
    absl::StatusOr<Graph> graph = Graph::FromText(kModel, "test");
    options_.models = {{"tiny", std::make_shared<const Graph>(*std::move(graph))}};
    options_.batches = {4};
    options_.rounds = 2;
    options_.seconds_a_round = 1e-3;
    options_.make_device = [](int) { return absl::StatusOr<std::unique_ptr<Device>>(MakeReferenceDevice()); };
    options_.on_line = [this](const BenchLine& line) {
      EXPECT_TRUE(lines_.emplace(line.case_name + " " + line.metric, line).second) << line.case_name << " comes twice";
      EXPECT_EQ(line.bench, "step");
    };
  }

  StepBenchOptions options_;
  std::map<std::string, BenchLine> lines_;
};

TEST_F(StepBenchCasesTest, EveryBatchAndNumberOfLanesHasAThroughputBesideThePeak) {
  options_.batches = {2, 4};
  options_.lanes = {1, 2};
  ASSERT_EQ(RunStepBench(options_), absl::OkStatus());
  for (const std::string name : {"tiny/float32/batch2/lanes1", "tiny/float32/batch2/lanes2",
                                 "tiny/float32/batch4/lanes1", "tiny/float32/batch4/lanes2"}) {
    ASSERT_TRUE(lines_.contains(name + " throughput")) << name;
    const BenchLine& line = lines_[name + " throughput"];
    EXPECT_GT(line.value, 0);
    EXPECT_GT(line.reference_value, line.value) << "no plain loop reaches the peak";
    EXPECT_LT(line.ratio, 1);
    // The two sides of the ratio come from the same rounds, so that they need not give just it.
    EXPECT_GT(line.ratio, 0);
    EXPECT_EQ(lines_[name + " work"].value, 1e-6 * options_.models[0].graph->StepFlops());
  }
  EXPECT_FALSE(lines_.contains("tiny/float32/batch2/lanes1 scaling"));
  EXPECT_EQ(lines_["tiny/float32/batch2/lanes2 scaling"].reference, "lanes1");
  EXPECT_EQ(lines_.size(), 10u);
}

TEST_F(StepBenchCasesTest, TheTimesOfLayersAreSharesOfTheStep) {
  options_.layers = true;
  ASSERT_EQ(RunStepBench(options_), absl::OkStatus());
  double shares = 0;
  for (const std::string node : {"logits", "loss"}) {
    for (const std::string pass : {"forward", "backward"}) {
      const std::string name = "tiny/float32/batch4/lanes1/" + node + "/" + pass + " latency";
      ASSERT_TRUE(lines_.contains(name)) << name;
      shares += lines_[name].ratio;
    }
  }
  EXPECT_NEAR(shares, 1, 1e-3);
  EXPECT_FALSE(lines_.contains("tiny/float32/batch4/lanes1/flat/forward latency")) << "nothing is computed there";
}

TEST_F(StepBenchCasesTest, UnderForeignLoadTheShareOfTheCoresIsTheReference) {
  options_.foreign_load = true;
  ASSERT_EQ(RunStepBench(options_), absl::OkStatus());
  const BenchLine& loaded = lines_["tiny/float32/batch4/lanes1 foreign_load"];
  const BenchLine& alone = lines_["tiny/float32/batch4/lanes1 throughput"];
  EXPECT_EQ(loaded.reference, "share_of_cores");
  EXPECT_NEAR(loaded.reference_value, 0.5 * alone.value, 1e-6 * alone.value);
}

TEST_F(StepBenchCasesTest, AnErrorOfADeviceEndsIt) {
  options_.make_device = [](int) -> absl::StatusOr<std::unique_ptr<Device>> {
    return absl::UnavailableError("no lane today");
  };
  EXPECT_EQ(RunStepBench(options_), absl::UnavailableError("no lane today"));
  EXPECT_TRUE(lines_.empty());
}

}  // namespace
}  // namespace downpour
