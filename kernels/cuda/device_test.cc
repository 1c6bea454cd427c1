#include "kernels/cuda/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace downpour {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

TEST(ListCudaDevicesTest, ListsUsableDevicesOrSaysWhatToDo) {
  const auto devices = ListCudaDevices();
  if (!devices.ok()) {
    EXPECT_EQ(devices.status().code(), absl::StatusCode::kFailedPrecondition);
    const std::string message(devices.status().message());
    EXPECT_THAT(message, HasSubstr(BuiltWithCuda() ? "nvidia" : "built without CUDA"));
    EXPECT_THAT(message,
                AnyOf(HasSubstr("install"), HasSubstr("update"), HasSubstr("see whether"), HasSubstr("unset")));
    return;
  }
  EXPECT_TRUE(BuiltWithCuda());
  ASSERT_FALSE(devices->empty());
  for (size_t i = 0; i < devices->size(); ++i) {
    const CudaDeviceInfo& device = (*devices)[i];
    SCOPED_TRACE(device.name);
    EXPECT_EQ(device.index, static_cast<int>(i));
    EXPECT_FALSE(device.name.empty());
    EXPECT_GE(device.compute_capability_major, 5);
    EXPECT_GT(device.multiprocessor_count, 0);
    EXPECT_GT(device.memory_free_bytes, 0);
    EXPECT_GT(device.memory_total_bytes, device.memory_free_bytes);
    EXPECT_GE(device.driver_version, 12000);
    EXPECT_GE(device.runtime_version, 12000);
  }
}

TEST(ListCudaDevicesTest, AnswersTheSameTwice) {
  const auto first = ListCudaDevices();
  const auto second = ListCudaDevices();
  EXPECT_EQ(first.status(), second.status());
  if (first.ok()) {
    EXPECT_EQ(first->size(), second->size());
  }
}

}  // namespace
}  // namespace downpour
