#ifndef DOWNPOUR_KERNELS_CUDA_NO_DEVICE_H_
#define DOWNPOUR_KERNELS_CUDA_NO_DEVICE_H_

#include <cuda_runtime_api.h>

#include <optional>
#include <string>

#include "absl/status/status.h"

namespace downpour {

// Why a program built with CUDA finds no GPU, in words for the person at the terminal:
// FAILED_PRECONDITION with what is wrong and what to do. `error` is what the runtime answered when
// asked for the number of devices (cudaSuccess: it said 0); the versions are those of
// CudaDeviceInfo, with 0 for no driver at all; `visible_devices` is CUDA_VISIBLE_DEVICES where it
// is set.
absl::Status WhyNoCudaDevice(cudaError_t error, int driver_version, int runtime_version,
                             const std::optional<std::string>& visible_devices);

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_CUDA_NO_DEVICE_H_
