#include <memory>

#include "gtest/gtest.h"
#include "worker/device/conformance.h"
#include "worker/device/cpu/lane.h"

namespace downpour::testing {
namespace {

// In bfloat16 each tensor is rounded to 8 bits once, and the parameters to as many where oneDNN computes; a relu after
// that lets another few elements through, whose gradients then differ: 0.088 is the most that has been measured.
const DeviceUnderTest kLane = {.name = "Lane",
                               .open = [] { return absl::StatusOr<std::unique_ptr<Device>>(CreateLane("cpu:0")); },
                               .computes = {{DType::kFloat32, 1e-5}, {DType::kBFloat16, 0.12}}};

INSTANTIATE_TEST_SUITE_P(Lane, LayerConformance, ::testing::ValuesIn(LayerConformanceCases(kLane)), NameOfCase);
INSTANTIATE_TEST_SUITE_P(Lane, DeviceConformance, ::testing::Values(kLane));

}  // namespace
}  // namespace downpour::testing
