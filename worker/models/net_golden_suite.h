// Holds programs on a device to what PyTorch computes for whole nets. A device's test names the suite:
//
//   const GoldenDevice kLane = {"cpu", [] { return CreateDevice("cpu:0"); }};
//   INSTANTIATE_TEST_SUITE_P(Cpu, NetGoldenTest, ::testing::ValuesIn(GoldensOn(kLane, "nets")), GoldenName);
#ifndef DOWNPOUR_WORKER_MODELS_NET_GOLDEN_SUITE_H_
#define DOWNPOUR_WORKER_MODELS_NET_GOLDEN_SUITE_H_

#include "gtest/gtest.h"
#include "worker/models/golden_device.h"

namespace downpour::testing {

class NetGoldenTest : public ::testing::TestWithParam<GoldenParam> {};

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_MODELS_NET_GOLDEN_SUITE_H_
