#ifndef DOWNPOUR_KERNELS_CUDA_VECTOR_OPS_H_
#define DOWNPOUR_KERNELS_CUDA_VECTOR_OPS_H_

#include <cuda_runtime_api.h>

#include <cstdint>

// Elementwise operations on arrays of floats in the memory of the current device.
//
// Each puts its kernel on `stream` and returns at once; what it returns is whether the launch was
// accepted, for DP_CUDA_RETURN_IF_ERROR. (cudaError_t, not a status: nvcc would read Abseil's
// headers for each file.) Pointers need the alignment of a float, no more; 16-byte accesses are
// used where it is better than that. n = 0 launches nothing, and then pointers may be null; n < 0
// is cudaErrorInvalidValue. Arrays must live until the stream has passed the call. Any thread may
// call; two calls that touch the same array need the same stream or an event between them.
namespace downpour::cuda {

// x[i] = value
[[nodiscard]] cudaError_t Fill(float value, float* x, int64_t n, cudaStream_t stream);

// x[i] = a * x[i]
[[nodiscard]] cudaError_t Scale(float a, float* x, int64_t n, cudaStream_t stream);

// y[i] = a * x[i] + y[i], rounded once. x and y are the same array or do not overlap. Reads x also
// where a is 0, so a NaN in x comes through.
[[nodiscard]] cudaError_t Axpy(float a, const float* x, float* y, int64_t n, cudaStream_t stream);

// Sets *found, in device memory, to 1 if any x[i] is an infinity or a NaN and leaves it alone
// otherwise, so that one flag can gather the answer for many arrays. Clear it first
// (cudaMemsetAsync).
[[nodiscard]] cudaError_t HasNonFinite(const float* x, int64_t n, uint32_t* found, cudaStream_t stream);

}  // namespace downpour::cuda

#endif  // DOWNPOUR_KERNELS_CUDA_VECTOR_OPS_H_
