#ifndef DOWNPOUR_KERNELS_CUDA_DEVICE_H_
#define DOWNPOUR_KERNELS_CUDA_DEVICE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace downpour {

// One GPU as the CUDA runtime sees it. Versions are CUDA's numbers: 1000 * major + 10 * minor.
struct CudaDeviceInfo {
  int index = 0;  // as in `cuda:N`, after CUDA_VISIBLE_DEVICES
  std::string name;
  int compute_capability_major = 0;
  int compute_capability_minor = 0;
  int multiprocessor_count = 0;
  int64_t memory_total_bytes = 0;
  int64_t memory_free_bytes = 0;  // at the time of asking; other processes take from it too
  int driver_version = 0;         // the newest CUDA that the driver serves
  int runtime_version = 0;        // the CUDA that this program is built with
};

// The GPUs that this process can use, in the order of their index; never an empty list.
// FAILED_PRECONDITION, with what to do about it, where the program was built without CUDA, where
// there is no driver, or an old one, or no GPU. Included and linked alike in builds with and
// without CUDA.
//
// Asking for free memory makes a CUDA context on each GPU, which takes some of its memory and a
// moment the first time: for start-up and `status`, not for a loop. Any thread may call it; the
// calling thread's current device is as before.
absl::StatusOr<std::vector<CudaDeviceInfo>> ListCudaDevices();

// Whether this program was built with CUDA.
bool BuiltWithCuda();

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_CUDA_DEVICE_H_
