#include "absl/status/status.h"
#include "kernels/cuda/device.h"

namespace downpour {

absl::StatusOr<std::vector<CudaDeviceInfo>> ListCudaDevices() {
  return absl::FailedPreconditionError(
      "built without CUDA: install the CUDA toolkit and cuDNN 9, set CUDA_HOME if they are not in "
      "/usr/local/cuda, "
      "and build again; or run on the CPU");
}

bool BuiltWithCuda() { return false; }

}  // namespace downpour
