// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_ACTIVATIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_ACTIVATIONS_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_ACTIVATIONS_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_ACTIVATIONS_INL_H_
#endif

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/nn/simd/vector-inl.h"

// Activations on a vector: Forward of x, and Backward of what was saved (see BackwardWantsInput) and dy.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// Neither overflows nor becomes subnormal.
HWY_INLINE V SafeExp(V x) { return hn::Exp(Floats(), hn::Min(hn::Max(x, Set(-87)), Set(88))); }

struct Relu {
  explicit Relu(float /*slope*/) {}
  HWY_INLINE V Forward(V x) const { return hn::Max(x, Zero()); }
  HWY_INLINE V Backward(V y, V dy) const { return hn::IfThenElseZero(hn::Gt(y, Zero()), dy); }
};

struct LeakyRelu {
  explicit LeakyRelu(float slope) : slope(Set(slope)) {}
  HWY_INLINE V Forward(V x) const { return hn::IfThenElse(hn::Gt(x, Zero()), x, hn::Mul(slope, x)); }
  HWY_INLINE V Backward(V y, V dy) const { return hn::IfThenElse(hn::Gt(y, Zero()), dy, hn::Mul(slope, dy)); }
  V slope;
};

struct Tanh {
  explicit Tanh(float /*slope*/) {}
  HWY_INLINE V Forward(V x) const { return hn::Tanh(Floats(), hn::Min(hn::Max(x, Set(-20)), Set(20))); }
  HWY_INLINE V Backward(V y, V dy) const { return hn::Mul(dy, hn::NegMulAdd(y, y, Set(1))); }
};

struct Sigmoid {
  explicit Sigmoid(float /*slope*/) {}
  HWY_INLINE V Forward(V x) const { return hn::Div(Set(1), hn::Add(Set(1), SafeExp(hn::Neg(x)))); }
  HWY_INLINE V Backward(V y, V dy) const { return hn::Mul(hn::Mul(dy, y), hn::Sub(Set(1), y)); }
};

struct Gelu {
  explicit Gelu(float /*slope*/) {}

  // The normal distribution up to x, to 1e-7 (Abramowitz and Stegun, 7.1.26), from exp(-x^2 / 2).
  static HWY_INLINE V Distribution(V x, V exponential) {
    const V t = hn::Div(Set(1), hn::MulAdd(Set(0.3275911f * 0.70710678f), hn::Abs(x), Set(1)));
    V p = hn::MulAdd(t, Set(1.061405429f), Set(-1.453152027f));
    p = hn::MulAdd(t, p, Set(1.421413741f));
    p = hn::MulAdd(t, p, Set(-0.284496736f));
    p = hn::MulAdd(t, p, Set(0.254829592f));
    const V tail = hn::Mul(hn::Mul(Set(0.5f), hn::Mul(t, p)), exponential);
    return hn::IfThenElse(hn::Lt(x, Zero()), tail, hn::Sub(Set(1), tail));
  }
  static HWY_INLINE V Exponential(V x) { return SafeExp(hn::Mul(Set(-0.5f), hn::Mul(x, x))); }

  HWY_INLINE V Forward(V x) const { return hn::Mul(x, Distribution(x, Exponential(x))); }
  HWY_INLINE V Backward(V x, V dy) const {
    const V exponential = Exponential(x);
    const V density = hn::Mul(Set(0.39894228f), exponential);
    // Far out the density is not quite zero, but x is large.
    const V near = hn::Min(hn::Max(x, Set(-20)), Set(20));
    return hn::Mul(dy, hn::MulAdd(near, density, Distribution(x, exponential)));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_ACTIVATIONS_INL_H_
