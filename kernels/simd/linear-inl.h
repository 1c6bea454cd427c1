// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_SIMD_LINEAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_SIMD_LINEAR_INL_H_
#undef DOWNPOUR_KERNELS_SIMD_LINEAR_INL_H_
#else
#define DOWNPOUR_KERNELS_SIMD_LINEAR_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "absl/types/span.h"
#include "hwy/highway.h"
#include "kernels/interface.h"
#include "kernels/simd/convert-inl.h"

// y += a * x, x *= a, and the sum of many inputs. The last elements, fewer than a vector, are scalar: the same
// operations, so the same bits.

HWY_BEFORE_NAMESPACE();
namespace downpour {
namespace HWY_NAMESPACE {

inline void AxpyRun(float a, const float* x, float* y, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto factor = hn::Set(d, a);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::Mul(factor, hn::LoadU(d, x + i))), d, y + i);
  }
  for (; i < count; ++i) y[i] += a * x[i];
}

// y = a * x; the ranges are equal or do not overlap.
inline void ScaleRun(float a, const float* x, float* y, size_t count) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto factor = hn::Set(d, a);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::Mul(factor, hn::LoadU(d, x + i)), d, y + i);
  for (; i < count; ++i) y[i] = a * x[i];
}

// sum += values, for a whole number of vectors.
template <DType kDType>
struct AddBody {
  static void Run(const std::byte* values, float* sum, size_t count) {
    const hn::ScalableTag<float> d;
    for (size_t i = 0; i < count; i += hn::Lanes(d)) {
      const auto v = LoadFloats<kDType>(d, values + i * DTypeSize(kDType));
      hn::Store(hn::Add(hn::Load(d, sum + i), v), d, sum + i);
    }
  }
};

// Chunk by chunk, so that the partial sums stay in the first-level cache while the inputs stream past.
inline void SumRun(absl::Span<const FloatInput> inputs, float scale, float* sum, size_t count) {
  constexpr size_t kChunk = 1024;
  alignas(HWY_MAX_BYTES) float partial[kChunk];
  if (inputs.empty()) std::fill_n(sum, count, 0.0f);
  for (size_t begin = 0; begin < count && !inputs.empty(); begin += kChunk) {
    const size_t n = std::min(kChunk, count - begin);
    const size_t whole = n - n % HWY_LANES(float);
    for (const FloatInput& input : inputs) {
      const std::byte* values = input.values + begin * DTypeSize(input.dtype);
      if (&input == &inputs.front()) {
        ForDType<ToFloatBody>(input.dtype, values, static_cast<float*>(partial), n);
        continue;
      }
      ForDType<AddBody>(input.dtype, values, static_cast<float*>(partial), whole);
      float last[HWY_LANES(float)];
      ForDType<ToFloatBody>(input.dtype, values + whole * DTypeSize(input.dtype), static_cast<float*>(last), n - whole);
      for (size_t i = whole; i < n; ++i) partial[i] += last[i - whole];
    }
    ScaleRun(scale, partial, sum + begin, n);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_SIMD_LINEAR_INL_H_
