#include "worker/device/reference/reference_device.h"

#include <gtest/gtest.h>

#include "worker/device/conformance.h"

namespace downpour::testing {
namespace {

DeviceUnderTest Reference(const std::string& name, const ReferenceDeviceOptions& options) {
  return {.name = name,
          .open = [options] { return MakeReferenceDevice(options); },
          .computes = {{DType::kFloat64, 1e-12}, {DType::kFloat32, 1e-6}, {DType::kBFloat16, 1e-2}}};
}

const DeviceUnderTest kInline = Reference("Inline", {.fuses = true, .accumulates = true});
const DeviceUnderTest kDeferred = Reference("Deferred", {.deferred = true, .fuses = true, .in_place = false});

INSTANTIATE_TEST_SUITE_P(Inline, LayerConformance, ::testing::ValuesIn(LayerConformanceCases(kInline)), NameOfCase);
INSTANTIATE_TEST_SUITE_P(Reference, DeviceConformance, ::testing::Values(kInline, kDeferred));

TEST(ReferenceDeviceTest, RunsDeferredWorkOnlyWhenSomebodyWaitsForIt) {
  const std::unique_ptr<Device> device = MakeReferenceDevice({.deferred = true});
  int32_t value = 1;
  const int32_t two = 2, three = 3;
  const auto event = device->CreateEvent();
  device->Copy(Queue::kCopyIn, &value, &two, sizeof(value));
  device->Record(Queue::kCopyIn, **event);
  device->Copy(Queue::kCopyIn, &value, &three, sizeof(value));
  EXPECT_FALSE((*event)->Done());
  EXPECT_EQ(value, 1);
  EXPECT_TRUE((*event)->Wait().ok());
  EXPECT_EQ(value, 2);
  EXPECT_TRUE(device->Synchronize().ok());
  EXPECT_EQ(value, 3);
}

TEST(ReferenceDeviceTest, CountsItsMemory) {
  const std::unique_ptr<Device> device = MakeReferenceDevice({.memory_max = 1000});
  auto most = device->Allocate(900, "a");
  ASSERT_TRUE(most.ok());
  const auto more = device->Allocate(101, "what is too much");
  EXPECT_TRUE(absl::IsResourceExhausted(more.status()));
  EXPECT_NE(more.status().message().find("900 in use, 100 free"), std::string::npos) << more.status();
  *most = Buffer();
  EXPECT_TRUE(device->Allocate(1000, "b").ok());
}

}  // namespace
}  // namespace downpour::testing
