#include "kernels/cuda/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/statusor.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

cudaError_t Fails(cudaError_t error, int& calls) {
  ++calls;
  return error;
}

absl::Status StatusOf(cudaError_t error, int& calls) {
  DP_CUDA_RETURN_IF_ERROR(Fails(error, calls));
  return absl::OkStatus();
}

absl::StatusOr<int> ValueOf(cudaError_t error, int& calls) {
  DP_CUDA_RETURN_IF_ERROR(Fails(error, calls));
  return 7;
}

TEST(CudaStatusTest, SuccessIsOkAndTheCallIsMadeOnce) {
  int calls = 0;
  EXPECT_TRUE(StatusOf(cudaSuccess, calls).ok());
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(ValueOf(cudaSuccess, calls).value(), 7);
  EXPECT_EQ(calls, 2);
}

TEST(CudaStatusTest, AnErrorNamesTheCallAndTheErrorAndIsReturnedAfterOneCall) {
  int calls = 0;
  const absl::Status status = StatusOf(cudaErrorMemoryAllocation, calls);
  EXPECT_EQ(calls, 1);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Fails(error, calls) failed: cudaErrorMemoryAllocation (2): "));
  EXPECT_EQ(ValueOf(cudaErrorMemoryAllocation, calls).status(), status);
}

TEST(CudaStatusTest, TheCodeSaysWhatTheCallerCanDo) {
  EXPECT_EQ(CudaStatus(cudaErrorMemoryAllocation, "").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CudaStatus(cudaErrorInvalidValue, "").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CudaStatus(cudaErrorInvalidDevice, "").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(CudaStatus(cudaErrorNoDevice, "").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CudaStatus(cudaErrorInsufficientDriver, "").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(CudaStatus(cudaErrorIllegalAddress, "").code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace downpour
