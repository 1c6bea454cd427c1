// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TRANSFORMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TRANSFORMS_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TRANSFORMS_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TRANSFORMS_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/nn/simd/vector-inl.h"

// Winograd's transforms in one dimension, for kernels of R elements and tiles of 4 outputs, that is R + 3 inputs:
//
//   4 outputs = A4 * ((scale * E_R kernel) . (B input)),   R weights' gradients = A_R * ((scale * E_4 outputs') . (B
//   input))
//
// where . is element by element, E_n evaluates a polynomial of n coefficients at the points 0, 1, -1, 2, -2 (for R = 5
// also 1/2, -1/2) and infinity, and A_n is E_n transposed. In two dimensions each is applied to the columns and to the
// rows.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

template <int R>
struct Winograd;

template <>
struct Winograd<3> {
  static constexpr int kTile = 6;
  static constexpr float kScale[kTile] = {1.0f / 4, -1.0f / 6, -1.0f / 6, 1.0f / 24, 1.0f / 24, 1};

  static HWY_INLINE void Input(const V* x, V* o) {
    const V four = Set(4);
    const V minus5 = Set(-5);
    o[0] = hn::MulAdd(four, x[0], hn::MulAdd(minus5, x[2], x[4]));
    o[5] = hn::MulAdd(four, x[1], hn::MulAdd(minus5, x[3], x[5]));
    const V even4 = hn::NegMulAdd(four, x[2], x[4]);
    const V odd4 = hn::NegMulAdd(four, x[1], x[3]);
    o[1] = hn::Add(even4, odd4);
    o[2] = hn::Sub(even4, odd4);
    const V even1 = hn::Sub(x[4], x[2]);
    const V odd1 = hn::Sub(x[3], x[1]);
    const V two = Set(2);
    o[3] = hn::MulAdd(two, odd1, even1);
    o[4] = hn::NegMulAdd(two, odd1, even1);
  }
};

template <>
struct Winograd<5> {
  static constexpr int kTile = 8;
  static constexpr float kScale[kTile] = {1, -2.0f / 9, -2.0f / 9, 1.0f / 90, 1.0f / 90, 32.0f / 45, 32.0f / 45, 1};

  static HWY_INLINE void Input(const V* x, V* o) {
    const V c525 = Set(5.25f);
    o[0] = hn::MulAdd(c525, hn::Sub(x[4], x[2]), hn::Sub(x[0], x[6]));
    o[7] = hn::MulAdd(c525, hn::Sub(x[3], x[5]), hn::Sub(x[7], x[1]));
    const V c425 = Set(-4.25f);
    V even = hn::MulAdd(c425, x[4], hn::Add(x[2], x[6]));
    V odd = hn::MulAdd(c425, x[3], hn::Add(x[1], x[5]));
    o[1] = hn::Add(even, odd);
    o[2] = hn::Sub(even, odd);
    const V half = Set(0.5f);
    const V two = Set(2);
    const V minus25 = Set(-2.5f);
    even = hn::MulAdd(Set(0.25f), x[2], hn::MulAdd(Set(-1.25f), x[4], x[6]));
    odd = hn::MulAdd(half, x[1], hn::MulAdd(minus25, x[3], hn::Mul(two, x[5])));
    o[3] = hn::Add(even, odd);
    o[4] = hn::Sub(even, odd);
    even = hn::MulAdd(Set(4), x[2], hn::MulAdd(Set(-5), x[4], x[6]));
    odd = hn::MulAdd(two, x[1], hn::MulAdd(minus25, x[3], hn::Mul(half, x[5])));
    o[5] = hn::Add(even, odd);
    o[6] = hn::Sub(even, odd);
  }
};

// E_n: kCoefficients values of `g` at the points of a tile of kTile, `o`. The powers of 2 are exact.
template <int kTile, int kCoefficients>
HWY_INLINE void Evaluate(const V* g, V* o) {
  static_assert(kCoefficients >= 3 && kCoefficients <= 5);
  constexpr bool k4 = kCoefficients >= 4;
  constexpr bool k5 = kCoefficients == 5;
  o[0] = g[0];
  o[kTile - 1] = g[kCoefficients - 1];
  V even = hn::Add(g[0], g[2]);
  if constexpr (k5) even = hn::Add(even, g[4]);
  V odd = g[1];
  if constexpr (k4) odd = hn::Add(odd, g[3]);
  o[1] = hn::Add(even, odd);
  o[2] = hn::Sub(even, odd);
  const auto pair = [g](float p, V* at) HWY_ATTR {
    const V squared = Set(p * p);
    V e = k5 ? hn::MulAdd(squared, hn::MulAdd(squared, g[k5 ? 4 : 0], g[2]), g[0]) : hn::MulAdd(squared, g[2], g[0]);
    const V o = k4 ? hn::MulAdd(squared, g[k4 ? 3 : 0], g[1]) : g[1];
    at[0] = hn::MulAdd(Set(p), o, e);
    at[1] = hn::NegMulAdd(Set(p), o, e);
  };
  pair(2, o + 3);
  if constexpr (kTile == 8) pair(0.5f, o + 5);
}

// A_n: kOutputs sums `y` of the products `m` at the points of a tile.
template <int kTile, int kOutputs>
HWY_INLINE void Gather(const V* m, V* y) {
  static_assert(kOutputs >= 3 && kOutputs <= 5);
  const V sum1 = hn::Add(m[1], m[2]);
  const V difference1 = hn::Sub(m[1], m[2]);
  const V sum2 = hn::Add(m[3], m[4]);
  const V difference2 = hn::Sub(m[3], m[4]);
  if constexpr (kTile == 6) {
    y[0] = hn::Add(hn::Add(m[0], sum1), sum2);
    y[1] = hn::MulAdd(Set(2), difference2, difference1);
    y[2] = hn::MulAdd(Set(4), sum2, sum1);
    if constexpr (kOutputs >= 4) y[3] = hn::MulAdd(Set(8), difference2, difference1);
  } else {
    const V sum_half = hn::Add(m[5], m[6]);
    const V difference_half = hn::Sub(m[5], m[6]);
    y[0] = hn::Add(hn::Add(m[0], sum1), hn::Add(sum2, sum_half));
    y[1] = hn::MulAdd(Set(2), difference2, hn::MulAdd(Set(0.5f), difference_half, difference1));
    y[2] = hn::MulAdd(Set(4), sum2, hn::MulAdd(Set(0.25f), sum_half, sum1));
    if constexpr (kOutputs >= 4) {
      y[3] = hn::MulAdd(Set(8), difference2, hn::MulAdd(Set(0.125f), difference_half, difference1));
    }
    if constexpr (kOutputs >= 5) y[4] = hn::MulAdd(Set(16), sum2, hn::MulAdd(Set(0.0625f), sum_half, sum1));
  }
  y[kOutputs - 1] = hn::Add(y[kOutputs - 1], m[kTile - 1]);
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_WINOGRAD_TRANSFORMS_INL_H_
