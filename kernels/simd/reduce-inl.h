// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_SIMD_REDUCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_SIMD_REDUCE_INL_H_
#undef DOWNPOUR_KERNELS_SIMD_REDUCE_INL_H_
#else
#define DOWNPOUR_KERNELS_SIMD_REDUCE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "kernels/interface.h"
#include "kernels/simd/convert-inl.h"

// Whether all is finite, sums of squares and products.

HWY_BEFORE_NAMESPACE();
namespace downpour {
namespace HWY_NAMESPACE {

// Whether the largest magnitude, as an integer, is below that of infinity. `Bits` is the signed integer of the float's
// width: without the sign bit its order is that of the magnitudes, and signed maxima are there at every level.
template <typename Bits>
HWY_INLINE bool AllBelow(const std::byte* values, size_t count, Bits infinity) {
  constexpr size_t kUnrolled = 4;
  const hn::ScalableTag<Bits> d;
  using V = hn::Vec<decltype(d)>;
  const size_t lanes = hn::Lanes(d);
  const V magnitude = hn::Set(d, static_cast<Bits>(~(Bits{1} << (8 * sizeof(Bits) - 1))));
  V largest[kUnrolled] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  size_t i = 0;
  for (; i + kUnrolled * lanes <= count; i += kUnrolled * lanes) {
    for (size_t k = 0; k < kUnrolled; ++k) {
      const V v = LoadBytes(d, values + (i + k * lanes) * sizeof(Bits));
      largest[k] = hn::Max(largest[k], hn::And(v, magnitude));
    }
  }
  while (i < count) {
    alignas(HWY_MAX_BYTES) std::byte padded[HWY_MAX_BYTES] = {};
    const size_t n = std::min(lanes, count - i);
    std::memcpy(padded, values + i * sizeof(Bits), n * sizeof(Bits));
    largest[0] = hn::Max(largest[0], hn::And(LoadBytes(d, padded), magnitude));
    i += n;
  }
  const V all = hn::Max(hn::Max(largest[0], largest[1]), hn::Max(largest[2], largest[3]));
  return hn::AllTrue(d, hn::Lt(all, hn::Set(d, infinity)));
}

inline bool AllFiniteRun(const std::byte* values, DType dtype, size_t count) {
  switch (dtype) {
    case DType::kBFloat16:
      return AllBelow<int16_t>(values, count, 0x7f80);
    case DType::kFloat16:
      return AllBelow<int16_t>(values, count, 0x7c00);
    default:
      return AllBelow<int32_t>(values, count, 0x7f800000);
  }
}

// A sum in double precision over kSumLanes lanes, element i in lane i % kSumLanes, whatever the width of a vector: so
// every level gives the same bits.
inline constexpr size_t kSumLanes = 16;
static_assert(kSumGroup % kSumLanes == 0);

class LaneSum {
 public:
  using D = hn::ScalableTag<double>;
  static constexpr size_t kVectors = kSumLanes / HWY_LANES(double);

  // Adds kSumLanes products x * y; `Source(d, k)` gives the lanes from k on as floats.
  template <class X, class Y>
  HWY_INLINE void AddProducts(const X& x, const Y& y) {
    const D d;
    const As<float, D> df;
    for (size_t k = 0; k < kVectors; ++k) {
      const auto left = hn::PromoteTo(d, x.Load(df, k * HWY_LANES(double)));
      const auto right = hn::PromoteTo(d, y.Load(df, k * HWY_LANES(double)));
      sums_[k] = hn::Add(sums_[k], hn::Mul(left, right));
    }
  }

  // The total, lanes halved again and again.
  HWY_INLINE double Total() {
    const D d;
    for (size_t n = kVectors / 2; n > 0; n /= 2) {
      for (size_t k = 0; k < n; ++k) sums_[k] = hn::Add(sums_[k], sums_[k + n]);
    }
    alignas(HWY_MAX_BYTES) double lanes[HWY_LANES(double)];
    hn::Store(sums_[0], d, lanes);
    for (size_t n = HWY_LANES(double) / 2; n > 0; n /= 2) {
      for (size_t k = 0; k < n; ++k) lanes[k] += lanes[k + n];
    }
    return lanes[0];
  }

  HWY_INLINE LaneSum() {
    for (auto& sum : sums_) sum = hn::Zero(D());
  }

 private:
  hn::Vec<D> sums_[kVectors];
};

// kSumLanes elements of a run.
template <DType kDType>
struct Lanes {
  const std::byte* values;

  template <class D>
  HWY_INLINE hn::Vec<D> Load(D d, size_t first) const {
    return LoadFloats<kDType>(d, values + first * DTypeSize(kDType));
  }
};

// Adds the sum of x * y over a run to `sum`, group by group.
template <DType kDType>
HWY_INLINE void AddProductsRun(const std::byte* x, const std::byte* y, size_t count, double* sum) {
  constexpr size_t kSize = DTypeSize(kDType);
  for (size_t begin = 0; begin < count; begin += kSumGroup) {
    const size_t end = std::min(count, begin + kSumGroup);
    LaneSum lanes;
    size_t i = begin;
    for (; i + kSumLanes <= end; i += kSumLanes) {
      lanes.AddProducts(Lanes<kDType>{x + i * kSize}, Lanes<kDType>{y + i * kSize});
    }
    if (i < end) {
      std::byte padded_x[kSumLanes * kSize] = {};
      std::byte padded_y[kSumLanes * kSize] = {};
      std::memcpy(padded_x, x + i * kSize, (end - i) * kSize);
      std::memcpy(padded_y, y + i * kSize, (end - i) * kSize);
      lanes.AddProducts(Lanes<kDType>{padded_x}, Lanes<kDType>{padded_y});
    }
    *sum += lanes.Total();
  }
}

template <DType kDType>
struct SquaredNormBody {
  static void Run(const std::byte* values, size_t count, double* sum) {
    AddProductsRun<kDType>(values, values, count, sum);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace downpour
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_SIMD_REDUCE_INL_H_
