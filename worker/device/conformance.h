// What every device promises (device.h, kernel.h), as tests. To hold a device to it, write in a test of its own
//
//   const DeviceUnderTest kDevice = {.name = "Lane", .open = [] { return OpenLane(0); },
//                                    .computes = {{DType::kFloat32, 1e-5}}};
//   INSTANTIATE_TEST_SUITE_P(Lane, LayerConformance, ::testing::ValuesIn(LayerConformanceCases(kDevice)));
//   INSTANTIATE_TEST_SUITE_P(Lane, DeviceConformance, ::testing::Values(kDevice));
//
// and link :conformance. Every layer and option of layer_cases.h runs on the device and, in float64 on the same
// numbers, on the reference device: forward and backward, with the configured batch, a smaller one and a single
// example, in place, adding to gradients, without gradients of the inputs, and in evaluation.
#ifndef DOWNPOUR_WORKER_DEVICE_CONFORMANCE_H_
#define DOWNPOUR_WORKER_DEVICE_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "worker/device/device.h"
#include "worker/device/layer_cases.h"

namespace downpour::testing {

struct DeviceUnderTest {
  struct Compute {
    DType dtype = DType::kFloat32;
    double tolerance = 1e-5;  // of the relative error in the Euclidean norm, of each tensor of a kernel
  };

  std::string name;
  // An error of FAILED_PRECONDITION or UNAVAILABLE means that it cannot be tested here, and skips.
  std::function<absl::StatusOr<std::unique_ptr<Device>>()> open;
  std::vector<Compute> computes;
};

inline void PrintTo(const DeviceUnderTest& device, std::ostream* out) { *out << device.name; }

struct LayerConformanceCase {
  DeviceUnderTest device;
  DeviceUnderTest::Compute compute;
  LayerCase layer;
};

inline void PrintTo(const LayerConformanceCase& one, std::ostream* out) {
  *out << one.layer.name << " in " << DTypeName(one.compute.dtype);
}

// Every layer and every chain in every compute type. Chains that the device does not fuse are passed over.
std::vector<LayerConformanceCase> LayerConformanceCases(const DeviceUnderTest& device);

// For the last argument of INSTANTIATE_TEST_SUITE_P: "Conv2DGroups_float32".
std::string NameOfCase(const ::testing::TestParamInfo<LayerConformanceCase>& info);

class LayerConformance : public ::testing::TestWithParam<LayerConformanceCase> {};
class DeviceConformance : public ::testing::TestWithParam<DeviceUnderTest> {};

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_DEVICE_CONFORMANCE_H_
