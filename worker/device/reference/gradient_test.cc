// Every gradient of every layer and option against finite differences, in double.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "worker/device/kernel_harness.h"
#include "worker/device/layer_cases.h"
#include "worker/device/reference/reference_device.h"

namespace downpour::testing {
namespace {

// Central differences in double: the error is some 1e-10 by rounding and as much by the third derivative.
constexpr double kStep = 1e-5;
constexpr double kTolerance = 1e-7;
// Second differences of what is smooth are below this: the square of the step times a second derivative of 30.
constexpr double kKink = 3e-9;
// Of larger tensors so many elements are looked at, evenly spread.
constexpr size_t kProbes = 24;

std::vector<LayerCase> Differentiable() {
  std::vector<LayerCase> cases;
  for (const std::vector<LayerCase>& some : {LayerCases(), ChainCases()}) {
    for (const LayerCase& one : some) {
      if (!one.ties) cases.push_back(one);  // with ties there is no derivative
    }
  }
  return cases;
}

class GradientTest : public ::testing::TestWithParam<LayerCase> {
 protected:
  // What backward differentiates: the loss, or the output weighted by its gradient.
  double Objective(const KernelValues& values) {
    const absl::StatusOr<KernelResults> results = harness_->Run(values);
    EXPECT_TRUE(results.ok()) << results.status();
    if (!results.ok()) return NAN;
    double sum = results->loss.loss;
    for (size_t i = 0; i < results->output.size(); ++i) sum += results->output[i] * values.output_gradient[i];
    return sum;
  }

  // `numbers` is a tensor within `values`.
  void Check(const std::string& what, KernelValues* values, std::vector<double>* numbers,
             const std::vector<double>& gradient) {
    ASSERT_EQ(gradient.size(), numbers->size()) << what;
    const size_t stride = std::max<size_t>(1, numbers->size() / kProbes);
    const double middle = Objective(*values);
    std::vector<double> expected, actual;
    size_t probes = 0;
    for (size_t i = 0; i < numbers->size(); i += stride) {
      const double before = (*numbers)[i];
      (*numbers)[i] = before + kStep;
      const double above = Objective(*values);
      (*numbers)[i] = before - kStep;
      const double below = Objective(*values);
      (*numbers)[i] = before;
      ++probes;
      // A maximum that changed its place, or a relu its side: there is no derivative to compare with.
      if (std::abs(above - 2 * middle + below) > kKink) continue;
      expected.push_back((above - below) / (2 * kStep));
      actual.push_back(gradient[i]);
    }
    EXPECT_LE(RelativeError(actual, expected), kTolerance) << what;
    EXPECT_GE(4 * expected.size(), 3 * probes) << what << ": too little was compared";
  }

  std::unique_ptr<Device> device_ = MakeReferenceDevice({.fuses = true});
  std::unique_ptr<KernelHarness> harness_;
};

TEST_P(GradientTest, IsWhatFiniteDifferencesSay) {
  constexpr int64_t kBatch = 3;
  auto harness =
      KernelHarness::Create(device_.get(), GraphOf(GetParam()), {.compute = DType::kFloat64, .batch_max = kBatch});
  ASSERT_TRUE(harness.ok()) << harness.status();
  harness_ = *std::move(harness);
  KernelValues values = RandomKernelValues(harness_->spec(), kBatch, 23, GetParam().index_bound);
  const absl::StatusOr<KernelResults> results = harness_->Run(values);
  ASSERT_TRUE(results.ok()) << results.status();
  for (size_t i = 0; i < values.inputs.size(); ++i) {
    if (!harness_->spec().input_gradients[i]) continue;
    Check("input " + std::to_string(i), &values, &values.inputs[i], results->input_gradients[i]);
  }
  for (size_t i = 0; i < values.parameters.size(); ++i) {
    const ParameterSpec& spec = *harness_->parameters()[i];
    if (spec.role != ParameterSpec::Role::kTrained) continue;
    Check(spec.name, &values, &values.parameters[i], results->parameter_gradients[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, GradientTest, ::testing::ValuesIn(Differentiable()),
                         [](const ::testing::TestParamInfo<LayerCase>& info) { return info.param.name; });

}  // namespace
}  // namespace downpour::testing
