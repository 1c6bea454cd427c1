#ifndef DOWNPOUR_KERNELS_SIMD_SIMD_KERNELS_H_
#define DOWNPOUR_KERNELS_SIMD_SIMD_KERNELS_H_

#include "absl/types/span.h"
#include "kernels/interface.h"

namespace downpour {

// One backend for each instruction set that this processor has (AVX-512 with F, BW, CD, DQ, VL; AVX2 with FMA, F16C and
// BMI2; SSE4.2), the best first. Empty on a processor older than x86-64-v2.
absl::Span<const Kernels* const> SupportedSimdKernels();

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_SIMD_SIMD_KERNELS_H_
