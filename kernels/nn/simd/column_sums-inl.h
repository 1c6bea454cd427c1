// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_COLUMN_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_COLUMN_SUMS_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_COLUMN_SUMS_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_COLUMN_SUMS_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/highway.h"
#include "kernels/nn/simd/vector-inl.h"

// Sums over the rows of an array of [rows, channels], for some vectors of channels at once.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// The most channels of a run of ForChannelRuns.
inline constexpr size_t kRunChannels = 4 * kLanes;

// Sums of kSums kinds for a run of kVectors vectors: floats over a few dozen rows, doubles over those.
// terms(row, i, V (&)[kSums]) gives the terms of the run's vector i.
template <int kSums, int kVectors, class Terms>
HWY_INLINE void SumColumns(size_t rows, const Terms& terms, double (&totals)[kSums][kRunChannels]) {
  constexpr size_t kRows = 64;
  std::fill_n(&totals[0][0], kSums * kRunChannels, 0.0);
  for (size_t begin = 0; begin < rows; begin += kRows) {
    V sums[kSums][kVectors];
    HWY_UNROLL(4)
    for (int k = 0; k < kSums; ++k) {
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) sums[k][i] = Zero();
    }
    const size_t end = std::min(rows, begin + kRows);
    for (size_t row = begin; row < end; ++row) {
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) {
        V values[kSums];
        terms(row, i, values);
        HWY_UNROLL(4)
        for (int k = 0; k < kSums; ++k) sums[k][i] = hn::Add(sums[k][i], values[k]);
      }
    }
    HWY_UNROLL(4)
    for (int k = 0; k < kSums; ++k) {
      alignas(64) float lanes[kRunChannels];
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) Store(sums[k][i], lanes + i * kLanes);
      for (size_t c = 0; c < kVectors * kLanes; ++c) totals[k][c] += double{lanes[c]};
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_COLUMN_SUMS_INL_H_
