#include "kernels/cuda/no_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Why(cudaError_t error, int driver_version, std::optional<std::string> visible_devices = std::nullopt) {
  const absl::Status status = WhyNoCudaDevice(error, driver_version, 13000, visible_devices);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  return std::string(status.message());
}

TEST(WhyNoCudaDeviceTest, WithoutADriverItSaysWhichToInstall) {
  EXPECT_THAT(Why(cudaErrorInsufficientDriver, 0), HasSubstr("install one that serves CUDA 13.0"));
}

TEST(WhyNoCudaDeviceTest, AnOldDriverIsNamedBesideWhatIsNeeded) {
  EXPECT_THAT(Why(cudaErrorInsufficientDriver, 12020), AllOf(HasSubstr("serves CUDA 12.2"), HasSubstr("needs 13.0")));
}

TEST(WhyNoCudaDeviceTest, HiddenDevicesAreBlamedOnTheVariableThatHidesThem) {
  EXPECT_THAT(Why(cudaErrorNoDevice, 13000, ""), HasSubstr("CUDA_VISIBLE_DEVICES is \"\""));
  EXPECT_THAT(Why(cudaSuccess, 13000, "7"), HasSubstr("CUDA_VISIBLE_DEVICES is \"7\""));
}

TEST(WhyNoCudaDeviceTest, NoDeviceAtAllPointsToNvidiaSmi) {
  EXPECT_THAT(Why(cudaErrorNoDevice, 13000), AllOf(HasSubstr("finds no GPU"), HasSubstr("nvidia-smi")));
}

TEST(WhyNoCudaDeviceTest, AnyOtherErrorKeepsItsName) {
  EXPECT_THAT(Why(cudaErrorSystemNotReady, 13000), HasSubstr("cudaErrorSystemNotReady"));
}

}  // namespace
}  // namespace downpour
