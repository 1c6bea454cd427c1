#include "kernels/cuda/device.h"

#include <cuda_runtime_api.h>

#include <cstdlib>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kernels/cuda/no_device.h"
#include "kernels/cuda/status.h"

namespace downpour {
namespace {

// Puts the calling thread's current device back when it goes.
class CurrentDeviceKeeper {
 public:
  CurrentDeviceKeeper() : known_(cudaGetDevice(&device_) == cudaSuccess) {}
  ~CurrentDeviceKeeper() {
    if (known_) cudaSetDevice(device_);
  }
  CurrentDeviceKeeper(const CurrentDeviceKeeper&) = delete;
  CurrentDeviceKeeper& operator=(const CurrentDeviceKeeper&) = delete;

 private:
  int device_ = 0;
  bool known_;
};

absl::Status Describe(int index, CudaDeviceInfo& info) {
  cudaDeviceProp properties;
  DP_CUDA_RETURN_IF_ERROR(cudaGetDeviceProperties(&properties, index));
  DP_CUDA_RETURN_IF_ERROR(cudaSetDevice(index));
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  DP_CUDA_RETURN_IF_ERROR(cudaMemGetInfo(&free_bytes, &total_bytes));
  info.index = index;
  info.name = properties.name;
  info.compute_capability_major = properties.major;
  info.compute_capability_minor = properties.minor;
  info.multiprocessor_count = properties.multiProcessorCount;
  info.memory_total_bytes = static_cast<int64_t>(total_bytes);
  info.memory_free_bytes = static_cast<int64_t>(free_bytes);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<CudaDeviceInfo>> ListCudaDevices() {
  int driver_version = 0;
  int runtime_version = 0;
  DP_CUDA_RETURN_IF_ERROR(cudaDriverGetVersion(&driver_version));
  DP_CUDA_RETURN_IF_ERROR(cudaRuntimeGetVersion(&runtime_version));
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    cudaGetLastError();  // or the next caller who asks for it would take this error for its own
    const char* visible_devices = std::getenv("CUDA_VISIBLE_DEVICES");
    return WhyNoCudaDevice(error, driver_version, runtime_version,
                           visible_devices ? std::optional<std::string>(visible_devices) : std::nullopt);
  }
  const CurrentDeviceKeeper keeper;
  std::vector<CudaDeviceInfo> devices(count);
  for (int index = 0; index < count; ++index) {
    CudaDeviceInfo& info = devices[index];
    if (absl::Status status = Describe(index, info); !status.ok()) {
      return absl::Status(status.code(), absl::StrCat("cuda:", index, ": ", status.message()));
    }
    info.driver_version = driver_version;
    info.runtime_version = runtime_version;
  }
  return devices;
}

bool BuiltWithCuda() { return true; }

}  // namespace downpour
