// Holds a device's kernels to what PyTorch computes, each layer by itself. A device's test names the suite:
//
//   const GoldenDevice kLane = {"cpu", [] { return CreateDevice("cpu:0"); }};
//   INSTANTIATE_TEST_SUITE_P(Cpu, LayerGoldenTest, ::testing::ValuesIn(GoldensOn(kLane, "layers")), GoldenName);
#ifndef DOWNPOUR_WORKER_MODELS_LAYER_GOLDEN_SUITE_H_
#define DOWNPOUR_WORKER_MODELS_LAYER_GOLDEN_SUITE_H_

#include "gtest/gtest.h"
#include "worker/models/golden_device.h"

namespace downpour::testing {

class LayerGoldenTest : public ::testing::TestWithParam<GoldenParam> {};

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_MODELS_LAYER_GOLDEN_SUITE_H_
