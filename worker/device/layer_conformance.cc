#include <algorithm>
#include <utility>

#include "worker/device/conformance.h"
#include "worker/device/kernel_harness.h"
#include "worker/device/reference/reference_device.h"

namespace downpour::testing {
namespace {

constexpr int64_t kBatchMax = 5;

bool HasBatchNorm(const Graph& graph) {
  return std::any_of(graph.layers().begin(), graph.layers().end(),
                     [](const Layer& layer) { return layer.As<BatchNorm>() != nullptr; });
}

// The device and, beside it, the reference in float64.
struct Pair {
  std::unique_ptr<Device> device, reference_device;
  std::unique_ptr<KernelHarness> tested, reference;
  std::shared_ptr<const Graph> graph;
};

class Comparison {
 public:
  explicit Comparison(const LayerConformanceCase& one) : one_(one) {}

  // False if the test is to be left: skipped or failed.
  bool Open(bool training = true, bool input_gradients = true) {
    absl::StatusOr<std::unique_ptr<Device>> device = one_.device.open();
    if (!device.ok()) {
      const bool absent = absl::IsFailedPrecondition(device.status()) || absl::IsUnavailable(device.status());
      if (absent) {
        skip_ = device.status().ToString();
      } else {
        ADD_FAILURE() << device.status();
      }
      return false;
    }
    pair_.device = *std::move(device);
    pair_.graph = GraphOf(one_.layer);
    if (pair_.graph == nullptr) return false;
    KernelHarnessOptions options = {.compute = one_.compute.dtype,
                                    .batch_max = kBatchMax,
                                    .training = training,
                                    .input_gradients = input_gradients};
    auto tested = KernelHarness::Create(pair_.device.get(), pair_.graph, options);
    if (!tested.ok() && absl::IsUnimplemented(tested.status()) && pair_.graph->layers().size() > 1) {
      skip_ = "the device does not fuse this chain, and need not";
      return false;
    }
    EXPECT_TRUE(tested.ok()) << tested.status();
    pair_.reference_device = MakeReferenceDevice({.fuses = true});
    options.compute = DType::kFloat64;
    auto reference = KernelHarness::Create(pair_.reference_device.get(), pair_.graph, options);
    EXPECT_TRUE(reference.ok()) << reference.status();
    if (!tested.ok() || !reference.ok()) return false;
    pair_.tested = *std::move(tested);
    pair_.reference = *std::move(reference);
    return true;
  }

  const std::string& skip() const { return skip_; }
  const Pair& pair() const { return pair_; }

  KernelValues Values(int64_t batch, uint64_t seed) const {
    return RandomKernelValues(pair_.tested->spec(), batch, seed, one_.layer.index_bound, one_.layer.ties);
  }

  void Compare(const KernelValues& values, const KernelRunOptions& options) {
    const absl::StatusOr<KernelResults> ours = pair_.tested->Run(values, options);
    KernelRunOptions plain = options;
    plain.in_place = plain.accumulate = false;
    const absl::StatusOr<KernelResults> right = pair_.reference->Run(values, plain);
    ASSERT_TRUE(ours.ok()) << ours.status();
    ASSERT_TRUE(right.ok()) << right.status();
    EXPECT_EQ(ours->overrun, "") << "was written behind the examples of the batch";
    Near("the output", ours->output, right->output);
    Near("the loss", {ours->loss.loss}, {right->loss.loss});
    EXPECT_EQ(ours->loss.correct, right->loss.correct);
    ASSERT_EQ(ours->input_gradients.size(), right->input_gradients.size());
    for (size_t i = 0; i < right->input_gradients.size(); ++i) {
      std::vector<double> expected = right->input_gradients[i];
      if (options.accumulate) {
        for (double& value : expected) value += 1;
      }
      Near("the gradient of input " + std::to_string(i), ours->input_gradients[i], expected);
    }
    ASSERT_EQ(ours->parameter_gradients.size(), right->parameter_gradients.size());
    for (size_t i = 0; i < right->parameter_gradients.size(); ++i) {
      Near("the gradient of " + pair_.tested->parameters()[i]->name, ours->parameter_gradients[i],
           right->parameter_gradients[i]);
    }
  }

 private:
  void Near(const std::string& what, const std::vector<double>& ours, const std::vector<double>& right) const {
    EXPECT_LE(RelativeError(ours, right), one_.compute.tolerance) << what;
  }

  const LayerConformanceCase one_;
  Pair pair_;
  std::string skip_;
};

#define DP_OPEN(comparison, ...)                                           \
  if (!(comparison).Open(__VA_ARGS__)) {                                   \
    if (!(comparison).skip().empty()) GTEST_SKIP() << (comparison).skip(); \
    return;                                                                \
  }

TEST_P(LayerConformance, ComputesAsTheReferenceDoesForTheWholeBatchAndForSmallerOnes) {
  Comparison comparison(GetParam());
  DP_OPEN(comparison);
  // The same kernel, so that what a larger batch left behind is there.
  for (const int64_t batch : {kBatchMax, int64_t{3}, int64_t{1}, kBatchMax}) {
    // One value has no spread: normalising it magnifies rounding without bound.
    if (batch == 1 && HasBatchNorm(*comparison.pair().graph)) continue;
    SCOPED_TRACE("batch " + std::to_string(batch));
    comparison.Compare(comparison.Values(batch, 17 + static_cast<uint64_t>(batch)), {});
  }
}

TEST_P(LayerConformance, EvaluatesAsTheReferenceDoes) {
  Comparison comparison(GetParam());
  DP_OPEN(comparison, /*training=*/false);
  for (const int64_t batch : {kBatchMax, int64_t{2}, int64_t{1}}) {
    SCOPED_TRACE("batch " + std::to_string(batch));
    comparison.Compare(comparison.Values(batch, 5), {.mode = Mode::kEvaluate});
  }
}

TEST_P(LayerConformance, EvaluatesInBetweenTrainingSteps) {
  Comparison comparison(GetParam());
  DP_OPEN(comparison);
  comparison.Compare(comparison.Values(4, 6), {.mode = Mode::kEvaluate});
  comparison.Compare(comparison.Values(4, 7), {});
}

TEST_P(LayerConformance, ComputesTheSameInPlace) {
  Comparison comparison(GetParam());
  DP_OPEN(comparison);
  const KernelNeeds& needs = comparison.pair().tested->needs();
  if (!needs.forward_in_place && !needs.backward_in_place) return;
  comparison.Compare(comparison.Values(4, 8), {.in_place = true});
}

TEST_P(LayerConformance, AddsToGradientsIfItSaysThatItCan) {
  Comparison comparison(GetParam());
  DP_OPEN(comparison);
  if (!comparison.pair().tested->needs().accumulates) return;
  comparison.Compare(comparison.Values(4, 9), {.accumulate = true});
}

TEST_P(LayerConformance, ComputesParameterGradientsWithoutThoseOfTheInputs) {
  Comparison comparison(GetParam());
  DP_OPEN(comparison, /*training=*/true, /*input_gradients=*/false);
  if (comparison.pair().tested->parameters().empty()) return;
  comparison.Compare(comparison.Values(4, 10), {});
}

TEST_P(LayerConformance, GivesTheSameBitsForTheSameNumbers) {
  Comparison comparison(GetParam()), again(GetParam());
  DP_OPEN(comparison);
  DP_OPEN(again);
  const KernelValues values = comparison.Values(4, 11), others = comparison.Values(kBatchMax, 12);
  const absl::StatusOr<KernelResults> first = comparison.pair().tested->Run(values);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(comparison.pair().tested->Run(others).ok());
  // In the same kernel after other numbers, and in a fresh one.
  for (KernelHarness* harness : {comparison.pair().tested.get(), again.pair().tested.get()}) {
    const absl::StatusOr<KernelResults> second = harness->Run(values);
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_EQ(first->output, second->output);
    EXPECT_EQ(first->loss.loss, second->loss.loss);
    EXPECT_EQ(first->input_gradients, second->input_gradients);
    EXPECT_EQ(first->parameter_gradients, second->parameter_gradients);
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LayerConformance);

}  // namespace

std::vector<LayerConformanceCase> LayerConformanceCases(const DeviceUnderTest& device) {
  std::vector<LayerConformanceCase> cases;
  for (const DeviceUnderTest::Compute& compute : device.computes) {
    for (const std::vector<LayerCase>& some : {LayerCases(), ChainCases()}) {
      for (const LayerCase& layer : some) cases.push_back({device, compute, layer});
    }
  }
  return cases;
}

std::string NameOfCase(const ::testing::TestParamInfo<LayerConformanceCase>& info) {
  return info.param.layer.name + "_" + std::string(DTypeName(info.param.compute.dtype));
}

}  // namespace downpour::testing
