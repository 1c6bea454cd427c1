#ifndef DOWNPOUR_KERNELS_NN_NN_KERNELS_H_
#define DOWNPOUR_KERNELS_NN_NN_KERNELS_H_

#include "absl/types/span.h"
#include "kernels/nn/convolution.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/loss.h"
#include "kernels/nn/normalization.h"
#include "kernels/nn/pooling.h"

// The arithmetic of neural networks on one core: pure functions on pointers, one thread, no allocation, float32 in
// memory, channels last. Each topic has its header; this one says which implementations this machine has.

namespace downpour::nn {

struct NnKernels {
  const char* name;  // "avx512", "avx2", "sse4", or "scalar": the reference
  const ConvolutionKernels& convolution;
  const PoolingKernels& pooling;
  const ElementwiseKernels& elementwise;
  const NormalizationKernels& normalization;
  const LossKernels& loss;
};

// Plain loops in double precision: slow, simple, the oracle of the others' tests. Allocates as it likes.
const NnKernels& ReferenceNnKernels();

// Those of the SIMD level that kernels/kernels.h chose: the best of this processor, or what DOWNPOUR_SIMD asks for.
const NnKernels& BestNnKernels();

// All that this processor runs, the fastest first and the reference last: for tests and benchmarks.
absl::Span<const NnKernels* const> AllSupportedNnKernels();

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_NN_KERNELS_H_
