#ifndef DOWNPOUR_KERNELS_CUDA_STATUS_H_
#define DOWNPOUR_KERNELS_CUDA_STATUS_H_

#include <cuda_runtime_api.h>

#include "absl/status/status.h"

namespace downpour {

// What an error of the CUDA runtime means to a caller: OK for cudaSuccess, otherwise a status whose
// message holds `call` (the source text of the failed call), the error's name and what CUDA says
// about it. Out of memory is RESOURCE_EXHAUSTED, a wrong argument INVALID_ARGUMENT, an unknown
// device NOT_FOUND, no usable driver or GPU FAILED_PRECONDITION, and what only a new process cures
// (a fault in a kernel, say) INTERNAL.
absl::Status CudaStatus(cudaError_t error, const char* call);

}  // namespace downpour

// Returns from the enclosing function, which returns absl::Status or absl::StatusOr, unless `call`
// gives cudaSuccess. A kernel's own fault shows up in a later call, often the next synchronisation:
// its status then names that one.
#define DP_CUDA_RETURN_IF_ERROR(call)                                             \
  do {                                                                            \
    if (const cudaError_t dp_cuda_error = (call); dp_cuda_error != cudaSuccess) { \
      return ::downpour::CudaStatus(dp_cuda_error, #call);                        \
    }                                                                             \
  } while (false)

#endif  // DOWNPOUR_KERNELS_CUDA_STATUS_H_
