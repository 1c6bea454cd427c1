// The reference device against PyTorch, in double precision: they agree to the digits of the files.
#include <memory>

#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "gtest/gtest.h"
#include "worker/device/reference/reference_device.h"
#include "worker/models/layer_golden_suite.h"
#include "worker/models/net_golden_suite.h"

namespace downpour::testing {
namespace {

constexpr double kDigitsOfTheFiles = 1e-6;

GoldenDevice Reference(const std::string& name, const ReferenceDeviceOptions& options) {
  return {.name = name,
          .make = [options]() -> absl::StatusOr<std::unique_ptr<Device>> { return MakeReferenceDevice(options); },
          .compute = DType::kFloat64,
          .tolerance = kDigitsOfTheFiles};
}

const GoldenDevice kReference = Reference("reference", {});
const GoldenDevice kDeferred = Reference("reference_deferred", {.deferred = true, .fuses = true, .accumulates = true});

INSTANTIATE_TEST_SUITE_P(Reference, LayerGoldenTest, ::testing::ValuesIn(GoldensOn(kReference, "layers")), GoldenName);
INSTANTIATE_TEST_SUITE_P(Reference, NetGoldenTest, ::testing::ValuesIn(GoldensOn(kReference, "nets")), GoldenName);
INSTANTIATE_TEST_SUITE_P(Deferred, NetGoldenTest, ::testing::ValuesIn(GoldensOn(kDeferred, "nets")), GoldenName);

}  // namespace
}  // namespace downpour::testing
