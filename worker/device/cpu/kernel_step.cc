#include "worker/device/cpu/kernel_step.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

#include "common/base/status.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

// A kernel and what is its own of the values of the whole chain.
struct Part {
  std::unique_ptr<KernelHarness> harness;
  KernelValues values;
};

// One for each layer; `values` are those of the chain.
absl::StatusOr<std::vector<Part>> MakeParts(Device& device, const TestChain& chain, KernelHarnessOptions options,
                                            const KernelValues& values) {
  std::vector<Part> parts;
  size_t input = 1;
  size_t parameter = 0;
  for (const Layer* layer : chain.layers) {
    Part& part = parts.emplace_back();
    DP_ASSIGN_OR_RETURN(part.harness, KernelHarness::Create(&device, {layer}, options));
    part.values = {.batch = values.batch, .inputs = {values.inputs[0]}, .seed = values.seed, .step = values.step};
    for (size_t i = 1; i < layer->inputs.size(); ++i) part.values.inputs.push_back(values.inputs[input++]);
    for (size_t i = 0; i < layer->parameters.size(); ++i) {
      part.values.parameters.push_back(values.parameters[parameter++]);
    }
    options.input_gradients = true;  // which the layer before wants
  }
  return parts;
}

// Forward through all, then again from the last to the first, now with the gradient that each is given by the next.
absl::StatusOr<KernelResults> RunParts(std::vector<Part> parts, const std::vector<double>& output_gradient, Mode mode) {
  KernelResults results;
  for (size_t i = 0; i < parts.size(); ++i) {
    const KernelSpec& spec = parts[i].harness->spec();
    const int64_t elements = IsLoss(*spec.chain.back()) ? 0 : KernelOutput(spec).elements * parts[i].values.batch;
    parts[i].values.output_gradient.assign(static_cast<size_t>(elements), 0);
    DP_ASSIGN_OR_RETURN(results, parts[i].harness->Run(parts[i].values, {.mode = mode}));
    if (i + 1 < parts.size()) parts[i + 1].values.inputs[0] = results.output;
  }
  if (mode == Mode::kEvaluate) return results;
  KernelResults all = {.output = results.output, .loss = results.loss};
  std::vector<double> gradient = output_gradient;
  for (size_t i = parts.size(); i-- > 0;) {
    parts[i].values.output_gradient = std::move(gradient);
    DP_ASSIGN_OR_RETURN(results, parts[i].harness->Run(parts[i].values));
    all.parameter_gradients.insert(all.parameter_gradients.begin(), results.parameter_gradients.begin(),
                                   results.parameter_gradients.end());
    gradient = results.input_gradients[0];
  }
  all.input_gradients = {gradient};
  return all;
}

absl::StatusOr<KernelResults> Run(Device& device, const TestChain& chain, const KernelStepOptions& options) {
  const KernelSpec spec = {.chain = chain.layers, .input_gradients = {}};  // in float32, whatever the compute type
  constexpr uint64_t kSeed = 1;
  const KernelValues values = RandomKernelValues(spec, options.batch, kSeed, /*index_bound=*/3);
  const Mode mode = options.training ? Mode::kTrain : Mode::kEvaluate;
  const KernelHarnessOptions harness_options = {.compute = options.compute,
                                                .batch_max = options.batch_max,
                                                .training = options.training,
                                                .input_gradients = options.input_gradient};
  if (!options.fused) {
    DP_ASSIGN_OR_RETURN(std::vector<Part> parts, MakeParts(device, chain, harness_options, values));
    return RunParts(std::move(parts), values.output_gradient, mode);
  }
  DP_ASSIGN_OR_RETURN(const std::unique_ptr<KernelHarness> harness,
                      KernelHarness::Create(&device, chain.layers, harness_options));
  DP_ASSIGN_OR_RETURN(KernelResults results, harness->Run(values, {.mode = mode}));
  if (options.training) results.input_gradients.resize(1);
  return results;
}

Graph MakeGraph(std::string_view text) {
  auto graph = Graph::FromText(text, "test");
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

}  // namespace

TestChain::TestChain(std::string_view model_text) : graph(MakeGraph(model_text)) {
  for (const Layer& layer : graph.layers()) {
    if (!IsView(layer)) layers.push_back(&layer);
  }
}

KernelResults RunKernelStep(Device& device, const TestChain& chain, const KernelStepOptions& options) {
  absl::StatusOr<KernelResults> results = Run(device, chain, options);
  EXPECT_TRUE(results.ok()) << results.status();
  if (!results.ok()) return {};
  EXPECT_EQ(results->overrun, "") << "was written behind the examples of the batch";
  return *std::move(results);
}

double RelativeDifference(const std::vector<double>& got, const std::vector<double>& wanted) {
  if (got.size() != wanted.size()) return std::numeric_limits<double>::infinity();
  double largest = 1e-30;
  double difference = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    if (!std::isfinite(got[i]) || !std::isfinite(wanted[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(wanted[i]));
    difference = std::max(difference, std::abs(got[i] - wanted[i]));
  }
  return difference / largest;
}

void ExpectClose(const KernelResults& got, const KernelResults& wanted, double tolerance) {
  EXPECT_LE(RelativeDifference(got.output, wanted.output), tolerance) << "output";
  ASSERT_EQ(got.input_gradients.size(), wanted.input_gradients.size());
  for (size_t i = 0; i < got.input_gradients.size(); ++i) {
    EXPECT_LE(RelativeDifference(got.input_gradients[i], wanted.input_gradients[i]), tolerance)
        << "gradient of input " << i;
  }
  ASSERT_EQ(got.parameter_gradients.size(), wanted.parameter_gradients.size());
  for (size_t i = 0; i < got.parameter_gradients.size(); ++i) {
    EXPECT_LE(RelativeDifference(got.parameter_gradients[i], wanted.parameter_gradients[i]), tolerance)
        << "gradient of parameter " << i;
  }
  EXPECT_NEAR(got.loss.loss, wanted.loss.loss, tolerance * std::abs(wanted.loss.loss));
  EXPECT_EQ(got.loss.correct, wanted.loss.correct);
}

void ExpectSameBits(const KernelResults& got, const KernelResults& wanted) {
  EXPECT_EQ(got.output, wanted.output);
  EXPECT_EQ(got.input_gradients, wanted.input_gradients);
  EXPECT_EQ(got.parameter_gradients, wanted.parameter_gradients);
  EXPECT_EQ(got.loss.loss, wanted.loss.loss);
  EXPECT_EQ(got.loss.correct, wanted.loss.correct);
}

}  // namespace downpour::testing
