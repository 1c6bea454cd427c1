#include "worker/models/layer_golden_suite.h"

#include <cstddef>
#include <cstdint>

#include "worker/device/kernel_harness.h"
#include "worker/layers/resolve.h"

namespace downpour::testing {
namespace {

absl::StatusOr<Layer> ResolveGolden(const GoldenCase& golden) {
  std::vector<LayerInput> inputs;
  for (const GoldenInput& input : golden.inputs) {
    absl::StatusOr<TensorType> type = MakeTensorType(input.dims, input.element_type);
    if (!type.ok()) return type.status();
    inputs.push_back({"input" + std::to_string(inputs.size()), *type});
  }
  return ResolveLayer(golden.layer, std::move(inputs));
}

KernelValues ValuesOf(const GoldenCase& golden) {
  KernelValues values;
  values.batch = golden.batch;
  for (size_t i = 0; i < golden.inputs.size(); ++i) {
    if (golden.inputs[i].element_type == ElementType::kReal) {
      values.inputs.push_back(GoldenInputNumbers(golden, i));
    } else {
      const std::vector<int32_t> indices = GoldenInputIndices(golden, i);
      values.inputs.emplace_back(indices.begin(), indices.end());
    }
  }
  for (size_t j = 0; j < golden.parameters.size(); ++j) values.parameters.push_back(GoldenParameterNumbers(golden, j));
  values.output_gradient = GoldenOutputGradient(golden);
  return values;
}

void Compare(const KernelResults& got, const GoldenCase& golden, double tolerance) {
  if (golden.loss) {
    ExpectGolden({got.loss.loss}, {golden.loss->loss}, tolerance, "loss");
    EXPECT_EQ(got.loss.correct, golden.loss->correct);
  } else {
    ExpectGolden(got.output, golden.output, tolerance, "output");
  }
  for (const auto& [i, want] : golden.input_gradients) {
    ExpectGolden(got.input_gradients[i], want, tolerance, "gradient of input " + std::to_string(i));
  }
  for (size_t j = 0; j < golden.parameters.size(); ++j) {
    const auto want = golden.parameter_gradients.find(golden.parameters[j].name);
    if (want == golden.parameter_gradients.end()) continue;
    ExpectGolden(got.parameter_gradients[j], want->second, tolerance, "gradient of " + want->first);
  }
}

}  // namespace

TEST_P(LayerGoldenTest, ForwardAndBackwardAreThoseOfPyTorch) {
  const auto& [on, golden] = GetParam();
  absl::StatusOr<std::unique_ptr<Device>> device = on.make();
  ASSERT_TRUE(device.ok()) << device.status();
  const absl::StatusOr<Layer> layer = ResolveGolden(golden);
  ASSERT_TRUE(layer.ok()) << layer.status();
  ASSERT_EQ(layer->parameters.size(), golden.parameters.size());
  for (size_t j = 0; j < golden.parameters.size(); ++j) {
    const ParameterSpec& parameter = layer->parameters[j];
    EXPECT_EQ(parameter.name, golden.name + "/" + golden.parameters[j].name);
    EXPECT_TRUE(std::ranges::equal(parameter.shape.dims(), golden.parameters[j].dims)) << parameter.shape;
  }
  if (!golden.loss) {
    ASSERT_EQ(layer->output.elements * golden.batch, static_cast<int64_t>(golden.output.size()));
  }

  absl::StatusOr<std::unique_ptr<KernelHarness>> harness =
      KernelHarness::Create(device->get(), {&*layer}, {.compute = on.compute, .batch_max = golden.batch});
  ASSERT_TRUE(harness.ok()) << harness.status();
  const absl::StatusOr<KernelResults> results =
      (*harness)->Run(ValuesOf(golden), {.mode = golden.evaluate ? Mode::kEvaluate : Mode::kTrain});
  ASSERT_TRUE(results.ok()) << results.status();
  Compare(*results, golden, on.tolerance);
}

}  // namespace downpour::testing
