#include "worker/device/cpu/lane_kernels.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/base/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/device/cpu/kernel_step.h"
#include "worker/device/cpu/lane.h"
#include "worker/device/reference/reference_device.h"

namespace downpour::testing {
namespace {

// By the largest element (the conformance suite, by the norm, holds all to 1e-5): Winograd's transforms lose a little
// more than a plain sum does.
constexpr double kFloat32Tolerance = 2e-5;
// A rounding to bfloat16 at each tensor, of 2^-9 of an element; sums of many elements keep about that.
constexpr double kBFloat16Tolerance = 0.02;

// Images of an odd size, channels that are no multiple of a vector, a batch that is no multiple of a group.
constexpr char kInput[] = R"(input { name: "images" shape: [13, 11, 5] }
                             layer { name: "x" input: "images" reshape { shape: [13, 11, 5] } } )";

struct ChainCase {
  std::string name;
  std::string layers;  // text of the model after kInput
};

void PrintTo(const ChainCase& chain, std::ostream* out) { *out << chain.name; }

std::string Conv(const std::string& options) {
  return R"(layer { name: "conv" conv2d { filters: 41 )" + options + " } } ";
}
const char kRelu[] = R"(layer { name: "relu" relu {} } )";
const char kPool[] = R"(layer { name: "pool" max_pool { window: 3 stride: 2 padding: SAME } } )";
const char kLrn[] = R"(layer { name: "lrn" lrn { radius: 4 bias: 1 alpha: 0.05 beta: 0.75 } } )";
const char kNorm[] = R"(layer { name: "norm" batch_norm {} } )";
const char kAdd[] = R"(layer { name: "add" input: "x" input: "x" add {} } )";
const char kSame5[] = "kernel: 5 padding: SAME";
const char kSame3[] = "kernel: 3 padding: SAME";
const char kStrided[] = "kernel: 3 stride: 2 padding: SAME";

class LaneChain : public ::testing::TestWithParam<ChainCase> {
 protected:
  const TestChain chain_{kInput + GetParam().layers};
  const std::unique_ptr<Device> lane_ = CreateLane("cpu:0");

  // As one kernel where the lane has it in this type, otherwise layer by layer.
  KernelStepOptions Step(DType compute) const {
    const KernelSpec spec{.chain = chain_.layers, .compute = compute, .input_gradients = std::vector<bool>(2, true)};
    return {.compute = compute, .fused = chain_.layers.size() == 1 || lane_->Fuses(spec)};
  }
};

TEST_P(LaneChain, IsOneKernelThatComputesWhatItsLayersDo) {
  KernelSpec spec{.chain = chain_.layers, .input_gradients = std::vector<bool>(2, true)};
  ASSERT_TRUE(lane_->Fuses(spec));
  for (const int64_t batch : {1, 2, 7}) {
    const KernelResults fused = RunKernelStep(*lane_, chain_, {.batch_max = 7, .batch = batch, .fused = true});
    const KernelResults single = RunKernelStep(*lane_, chain_, {.batch_max = 7, .batch = batch, .fused = false});
    ExpectClose(fused, single, kFloat32Tolerance);
  }
}

TEST_P(LaneChain, ComputesWhatTheReferenceDoes) {
  const auto reference = MakeReferenceDevice({.fuses = true});
  for (const bool training : {true, false}) {
    const KernelResults got = RunKernelStep(*lane_, chain_, {.batch_max = 7, .batch = 5, .training = training});
    const KernelResults wanted = RunKernelStep(*reference, chain_, {.batch_max = 7, .batch = 5, .training = training});
    ExpectClose(got, wanted, kFloat32Tolerance);
  }
}

TEST_P(LaneChain, ComputesTheSameInEvaluation) {
  if (GetParam().layers.find("batch_norm") != std::string::npos) GTEST_SKIP() << "evaluation has other statistics";
  const KernelResults training = RunKernelStep(*lane_, chain_, {.training = true});
  const KernelResults evaluation = RunKernelStep(*lane_, chain_, {.training = false});
  EXPECT_LE(RelativeDifference(evaluation.output, training.output), kFloat32Tolerance);
}

TEST_P(LaneChain, GivesTheSameBitsEachTime) {
  for (const DType compute : {DType::kFloat32, DType::kBFloat16}) {
    const KernelResults first = RunKernelStep(*lane_, chain_, Step(compute));
    ExpectSameBits(RunKernelStep(*lane_, chain_, Step(compute)), first);
    ExpectSameBits(RunKernelStep(*CreateLane("cpu:1"), chain_, Step(compute)), first);
  }
}

TEST_P(LaneChain, ComputesNearlyTheSameInBFloat16) {
  const KernelResults wide = RunKernelStep(*lane_, chain_, {.compute = DType::kFloat32});
  const KernelResults narrow = RunKernelStep(*lane_, chain_, Step(DType::kBFloat16));
  EXPECT_LE(RelativeDifference(narrow.output, wide.output), kBFloat16Tolerance);
  ASSERT_EQ(narrow.parameter_gradients.size(), wide.parameter_gradients.size());
}

TEST_P(LaneChain, NeedsNoGradientOfItsInput) {
  const KernelResults with = RunKernelStep(*lane_, chain_, {.input_gradient = true});
  if (with.parameter_gradients.empty()) GTEST_SKIP() << "there is nothing else to compute";
  const KernelResults without = RunKernelStep(*lane_, chain_, {.input_gradient = false});
  ASSERT_EQ(with.parameter_gradients.size(), without.parameter_gradients.size());
  for (size_t i = 0; i < with.parameter_gradients.size(); ++i) {
    EXPECT_LE(RelativeDifference(without.parameter_gradients[i], with.parameter_gradients[i]), kFloat32Tolerance);
  }
}

std::vector<ChainCase> Chains() {
  std::vector<ChainCase> chains = {
      {"DenseRelu",
       R"(layer { name: "flat" flatten {} } layer { name: "dense" dense { units: 21 } } )" + std::string(kRelu)},
      {"StridedRelu", Conv(kStrided) + kRelu},
      {"PoolLrn", std::string(kPool) + kLrn},
      {"LrnPool", std::string(kLrn) + kPool},
      {"NormRelu", std::string(kNorm) + kRelu},
      {"AddRelu", std::string(kAdd) + kRelu},
  };
  for (const auto& [size, options] : {std::pair("5", kSame5), std::pair("3", kSame3)}) {
    for (const bool relu : {false, true}) {
      const std::string head = Conv(options) + (relu ? kRelu : "");
      const std::string name = std::string("Conv") + size + (relu ? "Relu" : "");
      if (relu) chains.push_back({name, head});
      chains.push_back({name + "Pool", head + kPool});
      chains.push_back({name + "Lrn", head + kLrn});
      chains.push_back({name + "PoolLrn", head + kPool + kLrn});
      chains.push_back({name + "LrnPool", head + kLrn + kPool});
    }
  }
  return chains;
}

INSTANTIATE_TEST_SUITE_P(All, LaneChain, ::testing::ValuesIn(Chains()),
                         [](const auto& info) { return info.param.name; });

TEST(LaneKernels, DoNotFuseWhatNothingGains) {
  const auto lane = CreateLane("cpu:0");
  for (const std::string& layers : {Conv(kStrided) + kPool, Conv(kStrided) + kRelu + kPool, std::string(kPool) + kNorm,
                                    std::string(kRelu) + kPool, std::string(kNorm) + kRelu + kPool}) {
    const TestChain chain(kInput + layers);
    KernelSpec spec{.chain = chain.layers, .input_gradients = {true}};
    EXPECT_FALSE(lane->Fuses(spec)) << layers;
    EXPECT_EQ(lane->CreateKernel(spec).status().code(), absl::StatusCode::kUnimplemented) << layers;
  }
}

TEST(LaneKernels, DropWhatTheMaskDropsToTheLastBitOfTheRate) {
  const auto lane = CreateLane("cpu:0");
  const auto chain_of = [](double rate) {
    return TestChain(absl::StrFormat(
        "input { name: 'x' shape: 4 } layer { name: 'drop' input: 'x' dropout { rate: %.17g } }", rate));
  };
  KernelValues values = {.batch = 1, .inputs = {{1, 1, 1, 1}}, .output_gradient = {1, 1, 1, 1}, .seed = 7, .step = 3};
  const DropoutMask mask(*chain_of(0).layers[0]->As<Dropout>(), values.seed, values.step);
  const std::array<uint32_t, 4> words = Philox4x32({0, 0, static_cast<uint32_t>(values.step), 0}, mask.key);
  for (size_t i = 0; i < words.size(); ++i) {
    for (const bool drops : {false, true}) {
      const TestChain chain = chain_of((words[i] + (drops ? 1.0 : 0.0)) / 4294967296.0);
      auto harness = KernelHarness::Create(lane.get(), chain.layers, {.compute = DType::kFloat32});
      ASSERT_TRUE(harness.ok()) << harness.status();
      const auto results = (*harness)->Run(values);
      ASSERT_TRUE(results.ok()) << results.status();
      EXPECT_EQ(results->output[i] == 0, drops) << i;
      EXPECT_EQ(results->input_gradients[0][i] == 0, drops) << i;
    }
  }
}

TEST(LaneKernels, AreNoneInFloat64) {
  const TestChain chain(kInput + std::string(kRelu));
  const auto kernel =
      CreateLane("cpu:0")->CreateKernel({.chain = chain.layers, .compute = DType::kFloat64, .input_gradients = {true}});
  EXPECT_EQ(kernel.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(kernel.status().message()), ::testing::HasSubstr("layer relu (relu)"));
}

}  // namespace
}  // namespace downpour::testing
