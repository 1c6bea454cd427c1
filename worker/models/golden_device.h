// The parameter of golden tests: a device, and a case to hold it to.
#ifndef DOWNPOUR_WORKER_MODELS_GOLDEN_DEVICE_H_
#define DOWNPOUR_WORKER_MODELS_GOLDEN_DEVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "gtest/gtest.h"
#include "worker/device/device.h"
#include "worker/models/golden_file.h"

namespace downpour::testing {

struct GoldenDevice {
  std::string name;
  std::function<absl::StatusOr<std::unique_ptr<Device>>()> make;
  DType compute = DType::kFloat32;
  double tolerance = 1e-5;  // of the largest magnitude of a tensor: see ExpectGolden
  bool fuse = true;         // of nets
};

using GoldenParam = std::pair<GoldenDevice, GoldenCase>;

// The device with each case of "layers" or "nets".
inline std::vector<GoldenParam> GoldensOn(const GoldenDevice& device, const std::string& which) {
  std::vector<GoldenParam> params;
  for (GoldenCase& golden : ReadGoldens(which)) params.emplace_back(device, std::move(golden));
  return params;
}

inline std::string GoldenName(const ::testing::TestParamInfo<GoldenParam>& info) {
  return info.param.second.name + "_on_" + info.param.first.name;
}

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_MODELS_GOLDEN_DEVICE_H_
