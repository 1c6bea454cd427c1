#include "kernels/cuda/vector_loop.h"
#include "kernels/cuda/vector_ops.h"

namespace downpour::cuda {
namespace {

struct FillBody {
  float value;
  float* x;

  __device__ void One(int64_t i) { x[i] = value; }
  __device__ void Four(int64_t i) { *reinterpret_cast<float4*>(x + i) = make_float4(value, value, value, value); }
};

struct ScaleBody {
  float a;
  float* x;

  __device__ void One(int64_t i) { x[i] *= a; }
  __device__ void Four(int64_t i) {
    float4& v = *reinterpret_cast<float4*>(x + i);
    v = make_float4(a * v.x, a * v.y, a * v.z, a * v.w);
  }
};

struct AxpyBody {
  float a;
  const float* x;
  float* y;

  __device__ void One(int64_t i) { y[i] = fmaf(a, x[i], y[i]); }
  __device__ void Four(int64_t i) {
    const float4 s = *reinterpret_cast<const float4*>(x + i);
    float4& v = *reinterpret_cast<float4*>(y + i);
    v = make_float4(fmaf(a, s.x, v.x), fmaf(a, s.y, v.y), fmaf(a, s.z, v.z), fmaf(a, s.w, v.w));
  }
};

struct NonFiniteBody {
  const float* x;
  bool found = false;

  __device__ void One(int64_t i) { found |= IsNonFinite(__float_as_uint(x[i])); }
  __device__ void Four(int64_t i) {
    const uint4 v = *reinterpret_cast<const uint4*>(x + i);
    found |= IsNonFinite(v.x) | IsNonFinite(v.y) | IsNonFinite(v.z) | IsNonFinite(v.w);
  }
};

template <typename Body>
__device__ void RunShare(const VectorSplit& split, Body& body) {
  const int64_t thread = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  ForShareOfThread(split, thread, static_cast<int64_t>(gridDim.x) * blockDim.x, body);
}

template <typename Body>
__global__ void __launch_bounds__(kThreadsPerBlock) ElementwiseKernel(VectorSplit split, Body body) {
  RunShare(split, body);
}

__global__ void __launch_bounds__(kThreadsPerBlock)
    NonFiniteKernel(VectorSplit split, NonFiniteBody body, uint32_t* found) {
  RunShare(split, body);
  if (body.found) atomicOr(found, 1u);
}

uintptr_t Address(const float* p) { return reinterpret_cast<uintptr_t>(p); }

template <typename Body>
cudaError_t Launch(const VectorSplit& split, const Body& body, cudaStream_t stream) {
  if (split.size < 0) return cudaErrorInvalidValue;
  if (split.size == 0) return cudaSuccess;
  ElementwiseKernel<<<BlockCount(split), kThreadsPerBlock, 0, stream>>>(split, body);
  return cudaGetLastError();
}

}  // namespace

cudaError_t Fill(float value, float* x, int64_t n, cudaStream_t stream) {
  return Launch(SplitVectors(Address(x), n), FillBody{value, x}, stream);
}

cudaError_t Scale(float a, float* x, int64_t n, cudaStream_t stream) {
  return Launch(SplitVectors(Address(x), n), ScaleBody{a, x}, stream);
}

cudaError_t Axpy(float a, const float* x, float* y, int64_t n, cudaStream_t stream) {
  return Launch(SplitVectors(Address(x), Address(y), n), AxpyBody{a, x, y}, stream);
}

cudaError_t HasNonFinite(const float* x, int64_t n, uint32_t* found, cudaStream_t stream) {
  if (n < 0) return cudaErrorInvalidValue;
  if (n == 0) return cudaSuccess;
  const VectorSplit split = SplitVectors(Address(x), n);
  NonFiniteKernel<<<BlockCount(split), kThreadsPerBlock, 0, stream>>>(split, NonFiniteBody{x}, found);
  return cudaGetLastError();
}

}  // namespace downpour::cuda
