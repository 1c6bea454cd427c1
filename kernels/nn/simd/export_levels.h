#ifndef DOWNPOUR_KERNELS_NN_SIMD_EXPORT_LEVELS_H_
#define DOWNPOUR_KERNELS_NN_SIMD_EXPORT_LEVELS_H_

#include "hwy/targets.h"
#include "kernels/nn/simd/levels.h"

// Defines one of the functions of levels.h, of `Interface`, from the function `local` of each instruction set's
// namespace.
#if HWY_TARGETS & HWY_AVX3
#define DP_NN_LEVEL_AVX3(local) \
  if (target == HWY_AVX3) return &N_AVX3::local();
#else
#define DP_NN_LEVEL_AVX3(local)
#endif
#if HWY_TARGETS & HWY_AVX2
#define DP_NN_LEVEL_AVX2(local) \
  if (target == HWY_AVX2) return &N_AVX2::local();
#else
#define DP_NN_LEVEL_AVX2(local)
#endif
#if HWY_TARGETS & HWY_SSE4
#define DP_NN_LEVEL_SSE4(local) \
  if (target == HWY_SSE4) return &N_SSE4::local();
#else
#define DP_NN_LEVEL_SSE4(local)
#endif
#define DP_NN_EXPORT_LEVELS(Interface, local, name) \
  const Interface* name(int64_t target) {           \
    DP_NN_LEVEL_AVX3(local)                         \
    DP_NN_LEVEL_AVX2(local)                         \
    DP_NN_LEVEL_SSE4(local)                         \
    return nullptr;                                 \
  }

#endif  // DOWNPOUR_KERNELS_NN_SIMD_EXPORT_LEVELS_H_
