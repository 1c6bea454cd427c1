// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_GEMM_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_GEMM_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_GEMM_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "kernels/nn/simd/vector-inl.h"

// The small matrix products inside a Winograd convolution: C[m][n] (+)= sum over k of A[m][k] * B[k][n], for a few
// dozen rows m and all of it in the first two caches. A is read element by element (any strides), B and C by aligned
// vectors.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

struct GemmOperands {
  const float* a;
  size_t a_row;     // from one m to the next
  size_t a_column;  // from one k to the next
  const float* b;
  size_t b_row;  // from one k to the next, a multiple of kChannelBlock
  float* c;
  size_t c_row;  // from one m to the next, likewise
};

// A block of kRows x kVectors vectors of C, held in registers over the whole of k. What it accumulates onto is added
// last: errors grow with the length of one product and the number of products, not with all the terms.
template <int kRows, int kVectors, bool kAccumulate>
HWY_INLINE void GemmBlock(const GemmOperands& op, size_t depth) {
  V sums[kRows][kVectors];
  HWY_UNROLL(16)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      sums[r][v] = Zero();
    }
  }
  const float* a = op.a;
  const float* b = op.b;
  for (size_t k = 0; k < depth; ++k) {
    V row[kVectors];
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) row[v] = Load(b + v * kLanes);
    HWY_UNROLL(16)
    for (int r = 0; r < kRows; ++r) {
      const V element = Set(a[r * op.a_row]);
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) sums[r][v] = hn::MulAdd(element, row[v], sums[r][v]);
    }
    a += op.a_column;
    b += op.b_row;
  }
  HWY_UNROLL(16)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      float* const c = op.c + r * op.c_row + v * kLanes;
      Store(kAccumulate ? hn::Add(sums[r][v], Load(c)) : sums[r][v], c);
    }
  }
}

// The sums of a block, a row of B and one element of A fit the registers: 32 of AVX-512, 16 of the others.
constexpr int BlockRows(int vectors) {
  if (HWY_TARGET != HWY_AVX3) return vectors == 2 ? 6 : 12;
  return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
}
inline constexpr size_t kBlockVectorsMax = HWY_TARGET == HWY_AVX3 ? 4 : 2;

// All rows of kVectors columns.
template <int kVectors, bool kAccumulate>
HWY_NOINLINE void GemmColumns(GemmOperands op, size_t rows, size_t depth) {
  constexpr int kRows = BlockRows(kVectors);
  const auto advance = [&op, &rows](size_t done) HWY_ATTR {
    op.a += done * op.a_row;
    op.c += done * op.c_row;
    rows -= done;
  };
  while (rows >= kRows) {
    GemmBlock<kRows, kVectors, kAccumulate>(op, depth);
    advance(kRows);
  }
  while (rows >= 4) {
    GemmBlock<4, kVectors, kAccumulate>(op, depth);
    advance(4);
  }
  while (rows >= 1) {
    GemmBlock<1, kVectors, kAccumulate>(op, depth);
    advance(1);
  }
}

// `columns` is a multiple of kLanes.
template <bool kAccumulate>
HWY_INLINE void Gemm(GemmOperands op, size_t rows, size_t columns, size_t depth) {
  size_t vectors = columns / kLanes;
  for (; vectors >= kBlockVectorsMax; vectors -= kBlockVectorsMax) {
    GemmColumns<kBlockVectorsMax, kAccumulate>(op, rows, depth);
    op.b += kBlockVectorsMax * kLanes;
    op.c += kBlockVectorsMax * kLanes;
  }
  if (vectors == 3) GemmColumns<3, kAccumulate>(op, rows, depth);
  if (vectors == 2) GemmColumns<2, kAccumulate>(op, rows, depth);
  if (vectors == 1) GemmColumns<1, kAccumulate>(op, rows, depth);
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_GEMM_INL_H_
