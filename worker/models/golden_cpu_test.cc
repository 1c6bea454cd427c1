// The CPU lane against PyTorch: layer by layer, and whole nets with and without kernels for chains of layers.
#include <vector>

#include "common/tensor/dtype.h"
#include "gtest/gtest.h"
#include "proto/model.pb.h"
#include "worker/device/devices.h"
#include "worker/models/layer_golden_suite.h"
#include "worker/models/net_golden_suite.h"

namespace downpour::testing {
namespace {

const GoldenDevice kFloat32 = {.name = "cpu", .make = [] { return CreateDevice("cpu:0"); }};
const GoldenDevice kUnfused = {.name = "cpu_unfused", .make = [] { return CreateDevice("cpu:0"); }, .fuse = false};

// bfloat16 has eight bits: each rounding is up to 2^-9 off, and inputs and outputs are rounded.
const GoldenDevice kBFloat16 = {
    .name = "cpu_bfloat16",
    .make = [] { return CreateDevice("cpu:0"); },
    .compute = DType::kBFloat16,
    .tolerance = 0.03,
};

// Two numbers that differ in float32 may be one in bfloat16, and then the gradient of a maximum goes elsewhere.
std::vector<GoldenParam> WithoutMaxima(std::vector<GoldenParam> goldens) {
  std::erase_if(goldens, [](const GoldenParam& param) {
    const LayerConfig& layer = param.second.layer;
    return layer.has_max_pool() || layer.global_pool().kind() == GlobalPoolConfig::MAX;
  });
  return goldens;
}

INSTANTIATE_TEST_SUITE_P(Cpu, LayerGoldenTest, ::testing::ValuesIn(GoldensOn(kFloat32, "layers")), GoldenName);
INSTANTIATE_TEST_SUITE_P(CpuBFloat16, LayerGoldenTest,
                         ::testing::ValuesIn(WithoutMaxima(GoldensOn(kBFloat16, "layers"))), GoldenName);
INSTANTIATE_TEST_SUITE_P(Cpu, NetGoldenTest, ::testing::ValuesIn(GoldensOn(kFloat32, "nets")), GoldenName);
INSTANTIATE_TEST_SUITE_P(CpuUnfused, NetGoldenTest, ::testing::ValuesIn(GoldensOn(kUnfused, "nets")), GoldenName);

}  // namespace
}  // namespace downpour::testing
