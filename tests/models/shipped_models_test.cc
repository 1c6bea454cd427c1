// Each shipped model can be computed, and is what it says: the published number of parameters, the shapes that its
// readers expect, the cost.
#include "deploy/models/shipped_models.h"

#include <cstdint>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/tensor/shape.h"
#include "gtest/gtest.h"
#include "worker/models/graph.h"
#include "worker/models/summary.h"

namespace downpour {
namespace {

struct Published {
  std::string_view name;
  int64_t parameters;  // trained
  int64_t statistics;  // running
  Shape input;
  Shape output;
  // Multiplications and additions of the convolutions and dense layers, forward, without taps in the padding, counted
  // by hand; what else there is costs little.
  double mega_flops;
};

std::ostream& operator<<(std::ostream& out, const Published& model) { return out << model.name; }

// Kernel taps inside of `size` inputs, summed over the outputs of a convolution of that kernel, SAME and stride 1.
constexpr double Taps(int size, int kernel) {
  const int reach = kernel / 2;
  return size * kernel - reach * (reach + 1);
}
constexpr double ConvCost(int size, int kernel, int channels, int filters) {
  return 2e-6 * Taps(size, kernel) * Taps(size, kernel) * channels * filters;
}
constexpr double DenseCost(int inputs, int units) { return 2e-6 * inputs * units; }

// A block of ResNet's first in a stage: a 3x3 convolution with stride 2 and padding 1 misses one tap above and to the
// left; the projection misses none.
constexpr double HalvingCost(int size, int channels) {
  const double taps = size / 2 * 3 - 1;
  return 2e-6 * channels * (2 * channels) * (taps * taps + size / 2 * (size / 2)) +
         ConvCost(size / 2, 3, 2 * channels, 2 * channels);
}

const std::vector<Published> kPublished = {
    {"cifar10", 1'068'298, 0, Shape(24, 24, 3), Shape(10),
     ConvCost(24, 5, 3, 64) + ConvCost(12, 5, 64, 64) + DenseCost(2304, 384) + DenseCost(384, 192) +
         DenseCost(192, 10)},
    {"lenet5", 61'706, 0, Shape(28, 28, 1), Shape(10),
     ConvCost(28, 5, 1, 6) + 2e-6 * 100 * 25 * 6 * 16 + DenseCost(400, 120) + DenseCost(120, 84) + DenseCost(84, 10)},
    {"mlp", 669'706, 0, Shape(28, 28, 1), Shape(10), DenseCost(784, 512) + DenseCost(512, 512) + DenseCost(512, 10)},
    {"resnet20", 272'474, 1'568, Shape(32, 32, 3), Shape(10),
     ConvCost(32, 3, 3, 16) + 6 * ConvCost(32, 3, 16, 16) + HalvingCost(32, 16) + 4 * ConvCost(16, 3, 32, 32) +
         HalvingCost(16, 32) + 4 * ConvCost(8, 3, 64, 64) + DenseCost(64, 10)},
    {"small_cnn", 421'642, 0, Shape(28, 28, 1), Shape(10),
     ConvCost(28, 3, 1, 32) + ConvCost(14, 3, 32, 64) + DenseCost(3136, 128) + DenseCost(128, 10)},
    {"wide_deep", 44'814, 0, Shape(13), Shape(1),
     DenseCost(13, 1) + DenseCost(13, 256) + DenseCost(256, 128) + DenseCost(128, 64) + DenseCost(64, 1)},
};

class ShippedModelTest : public ::testing::TestWithParam<Published> {
 protected:
  void SetUp() override {
    for (const ShippedModel& model : ShippedModels()) {
      if (model.name != GetParam().name) continue;
      const std::string file = std::string(model.name) + ".textproto";
      graph_ = Graph::FromText(model.text, file);
    }
    ASSERT_TRUE(graph_.ok()) << graph_.status();
  }

  absl::StatusOr<Graph> graph_ = absl::NotFoundError("not shipped");
};

TEST_P(ShippedModelTest, HasThePublishedNumberOfParameters) {
  int64_t trained = 0;
  int64_t statistics = 0;
  for (const Graph::Parameter& parameter : graph_->parameters()) {
    const bool is_trained = parameter.spec->role == ParameterSpec::Role::kTrained;
    (is_trained ? trained : statistics) += parameter.spec->elements;
  }
  EXPECT_EQ(trained, GetParam().parameters);
  EXPECT_EQ(statistics, GetParam().statistics);
}

TEST_P(ShippedModelTest, TakesOneTensorAndLabelsAndPredictsOne) {
  EXPECT_EQ(graph_->name(), GetParam().name);
  ASSERT_EQ(graph_->inputs().size(), 2u);
  EXPECT_EQ(graph_->inputs()[0].type.shape, GetParam().input);
  EXPECT_EQ(graph_->inputs()[1].name, "labels");
  EXPECT_EQ(graph_->inputs()[1].type.shape, Shape());
  ASSERT_EQ(graph_->outputs().size(), 1u);
  EXPECT_EQ(graph_->tensors()[graph_->outputs()[0]].type.shape, GetParam().output);
  EXPECT_EQ(graph_->losses().size(), 1u);
}

TEST_P(ShippedModelTest, CostsWhatItsConvolutionsAndDenseLayersCost) {
  double mega_flops = 0;
  for (const Layer& layer : graph_->layers()) {
    if (layer.As<Conv2D>() != nullptr || layer.As<Dense>() != nullptr) mega_flops += 1e-6 * layer.flops.forward;
  }
  // Adding the bias is counted or not.
  EXPECT_NEAR(mega_flops, GetParam().mega_flops, 0.01 * GetParam().mega_flops);
  EXPECT_NEAR(1e-6 * graph_->ForwardFlops(), GetParam().mega_flops, 0.1 * GetParam().mega_flops);
}

// Layers, shapes, parameters, cost and memory at a glance. What it should be after a change that is meant:
// downpour model summary NAME > tests/models/testdata/NAME.txt
TEST_P(ShippedModelTest, HasTheSummaryOfItsGoldenFile) {
  std::ifstream file("tests/models/testdata/" + std::string(GetParam().name) + ".txt");
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(SummaryText(Summarize(*graph_, 128)), golden.str());
}

INSTANTIATE_TEST_SUITE_P(All, ShippedModelTest, ::testing::ValuesIn(kPublished), ::testing::PrintToStringParamName());

TEST(ShippedModelsTest, AreAllLookedAtHere) {
  ASSERT_EQ(ShippedModels().size(), kPublished.size());
  for (size_t i = 0; i < kPublished.size(); ++i) EXPECT_EQ(ShippedModels()[i].name, kPublished[i].name);
}

TEST(ShippedModelsTest, TheReferenceNetworkBeginsAndDecaysAsPublished) {
  const absl::StatusOr<Graph> graph = Graph::FromText(ShippedModels()[0].text, "cifar10.textproto");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const double deviations[] = {0.05, 0.05, 0.04, 0.04, 1.0 / 192};
  const double biases[] = {0, 0.1, 0.1, 0.1, 0};
  const double decays[] = {0, 0, 0.004, 0.004, 0};
  ASSERT_EQ(graph->parameters().size(), 10u);
  for (size_t i = 0; i < 5; ++i) {
    const ParameterSpec& weights = *graph->parameters()[2 * i].spec;
    const ParameterSpec& bias = *graph->parameters()[2 * i + 1].spec;
    EXPECT_NEAR(weights.initializer.truncated_normal().stddev(), deviations[i], 1e-12) << weights.name;
    EXPECT_EQ(bias.initializer.constant().value(), biases[i]) << bias.name;
    EXPECT_EQ(weights.weight_decay, decays[i]) << weights.name;
    EXPECT_EQ(bias.weight_decay, 0) << bias.name;
  }
}

}  // namespace
}  // namespace downpour
