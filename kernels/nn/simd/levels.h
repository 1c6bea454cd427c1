#ifndef DOWNPOUR_KERNELS_NN_SIMD_LEVELS_H_
#define DOWNPOUR_KERNELS_NN_SIMD_LEVELS_H_

#include <cstdint>

#include "kernels/nn/convolution.h"
#include "kernels/nn/elementwise.h"
#include "kernels/nn/loss.h"
#include "kernels/nn/normalization.h"
#include "kernels/nn/pooling.h"

// Each source file of this folder is compiled once per instruction set and gives the kernels of one topic for each:
// null where this build has none for `target` (one of HWY_AVX3, HWY_AVX2, HWY_SSE4). Whether the processor has that
// instruction set is the caller's to know.

namespace downpour::nn {

const ConvolutionKernels* ConvolutionOfLevel(int64_t target);
const PoolingKernels* PoolingOfLevel(int64_t target);
const ElementwiseKernels* ElementwiseOfLevel(int64_t target);
const NormalizationKernels* NormalizationOfLevel(int64_t target);
const LossKernels* LossOfLevel(int64_t target);

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_SIMD_LEVELS_H_
