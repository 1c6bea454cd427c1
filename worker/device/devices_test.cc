#include "worker/device/devices.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/cuda/device.h"

namespace downpour {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Names = std::vector<std::string>;

std::string ErrorOf(std::string_view list) {
  const auto names = ParseDevices(list);
  return names.ok() ? "" : std::string(names.status().message());
}

TEST(Devices, AreNamedInTheOrderOfTheList) {
  EXPECT_THAT(*ParseDevices("cpu:1,cpu:0"), ElementsAre("cpu:1", "cpu:0"));
  EXPECT_THAT(*ParseDevices(" cpu:0 , cuda:3 "), ElementsAre("cpu:0", "cuda:3"));
}

TEST(Devices, AllCoresAreOneLaneEach) {
  const auto names = ParseDevices("cpu:all");
  ASSERT_TRUE(names.ok());
  ASSERT_GE(names->size(), 1U);
  for (size_t i = 0; i < names->size(); ++i) EXPECT_EQ((*names)[i], "cpu:" + std::to_string(i));
}

TEST(Devices, WhatIsNoDeviceIsRefusedWithWhatCanBeWritten) {
  for (const char* list : {"", "cpu", "gpu:0", "cpu:", "cpu:-1", "cpu:x", "cpu:0,", "cpu:0 cpu:1", "cpu:99999999999"}) {
    EXPECT_THAT(ErrorOf(list), HasSubstr("is no device: write cpu:0")) << list;
  }
  EXPECT_THAT(ErrorOf("cpu:1024"), HasSubstr("from cpu:0 to cpu:1023"));
}

TEST(Devices, ADeviceIsNamedOnce) {
  EXPECT_THAT(ErrorOf("cpu:0,cpu:0"), HasSubstr("cpu:0 is named twice"));
  EXPECT_THAT(ErrorOf("cpu:0,cpu:all"), HasSubstr("cpu:0 is named twice"));
}

TEST(Devices, ALaneIsCreatedByItsName) {
  const auto device = CreateDevice("cpu:3");
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ((*device)->description().name, "cpu:3");
}

TEST(Devices, AListOfDevicesIsNotADevice) { EXPECT_FALSE(CreateDevice("cpu:all").ok()); }

TEST(Devices, AnAbsentGpuIsRefusedWithTheReason) {
  if (ListCudaDevices().ok()) GTEST_SKIP() << "this machine has a GPU";
  for (const auto& status : {CreateDevice("cuda:0").status(), ParseDevices("cuda:all").status()}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("cuda:"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(ListCudaDevices().status().message())));
  }
}

}  // namespace
}  // namespace downpour
