#include "kernels/cuda/no_device.h"

#include "absl/strings/str_cat.h"
#include "kernels/cuda/status.h"

namespace downpour {
namespace {

std::string VersionText(int version) { return absl::StrCat(version / 1000, ".", version % 1000 / 10); }

}  // namespace

absl::Status WhyNoCudaDevice(cudaError_t error, int driver_version, int runtime_version,
                             const std::optional<std::string>& visible_devices) {
  const std::string needed = VersionText(runtime_version);
  if (driver_version == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("no NVIDIA driver is loaded: install one that serves CUDA ", needed,
                     " (`nvidia-smi` then lists the GPUs; a container needs `--gpus all`), or run on the CPU"));
  }
  if (error == cudaErrorInsufficientDriver) {
    return absl::FailedPreconditionError(absl::StrCat("the NVIDIA driver serves CUDA ", VersionText(driver_version),
                                                      ", this program needs ", needed,
                                                      ": update the driver, or run on the CPU"));
  }
  if (error != cudaSuccess && error != cudaErrorNoDevice) {
    return absl::FailedPreconditionError(absl::StrCat(CudaStatus(error, "cudaGetDeviceCount").message(),
                                                      "; see whether `nvidia-smi` lists the GPUs, or run on the CPU"));
  }
  if (visible_devices.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the NVIDIA driver shows this process no GPU; CUDA_VISIBLE_DEVICES is \"", *visible_devices,
                     "\": unset it or name GPUs that `nvidia-smi` lists"));
  }
  return absl::FailedPreconditionError(
      "the NVIDIA driver finds no GPU: see whether `nvidia-smi` lists one (a container needs "
      "`--gpus all`), or run on the CPU");
}

}  // namespace downpour
