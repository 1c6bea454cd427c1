// Compiled once per instruction set: included again for each, so the guard is a toggle.
#if defined(DOWNPOUR_KERNELS_NN_SIMD_LRN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DOWNPOUR_KERNELS_NN_SIMD_LRN_INL_H_
#undef DOWNPOUR_KERNELS_NN_SIMD_LRN_INL_H_
#else
#define DOWNPOUR_KERNELS_NN_SIMD_LRN_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/nn/shapes.h"
#include "kernels/nn/simd/vector-inl.h"

// Local response normalisation. With s = bias + alpha * (window sum of x^2) and t = dy * x * s^(-beta - 1):
//
//   y = x * s^-beta,   dx = dy * s^-beta - 2 * alpha * beta * x * (window sum of t).
//
// Where a pixel's channels fit the registers and the radius is 4, window sums are made of shifted registers; otherwise
// of unaligned loads from a buffer.

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// Lanes kShift ... kShift + kLanes of low and high side by side.
template <int kShift>
HWY_INLINE V Slide(V low, V high) {
  static_assert(kShift >= 0 && kShift <= static_cast<int>(kLanes));
  if constexpr (kShift == 0) return low;
  if constexpr (kShift == kLanes) return high;
#if HWY_TARGET == HWY_AVX3
  return V{_mm512_castsi512_ps(
      _mm512_alignr_epi32(_mm512_castps_si512(high.raw), _mm512_castps_si512(low.raw), kShift % 16))};
#elif HWY_TARGET == HWY_AVX2
  const __m256i middle = _mm256_castps_si256(_mm256_permute2f128_ps(low.raw, high.raw, 0x21));
  if constexpr (kShift < 4) {
    return V{_mm256_castsi256_ps(_mm256_alignr_epi8(middle, _mm256_castps_si256(low.raw), 4 * kShift % 16))};
  }
  return V{_mm256_castsi256_ps(_mm256_alignr_epi8(_mm256_castps_si256(high.raw), middle, 4 * kShift % 16))};
#else
  return V{_mm_castsi128_ps(_mm_alignr_epi8(_mm_castps_si128(high.raw), _mm_castps_si128(low.raw), 4 * kShift % 16))};
#endif
}

// Sums over lanes i - 4 ... i + 4 of kVectors vectors side by side, zeros beside them.
template <int kVectors>
HWY_INLINE void WindowSums9(const V* x, V* sums) {
  V pairs[kVectors + 1];
  V fours[kVectors + 1];  // [i + 1]: lanes from i * kLanes on
  const V zero = Zero();
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) pairs[i] = hn::Add(x[i], Slide<1>(x[i], i + 1 < kVectors ? x[i + 1] : zero));
  pairs[kVectors] = zero;
  // The window of the first lanes starts before them, where the sums of four are not all zero.
  const V before_pairs = hn::Add(zero, Slide<1>(zero, x[0]));
  fours[0] = hn::Add(before_pairs, Slide<2>(before_pairs, pairs[0]));
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) fours[i + 1] = hn::Add(pairs[i], Slide<2>(pairs[i], pairs[i + 1]));
  HWY_UNROLL(8)
  for (int i = 0; i < kVectors; ++i) {
    const V left = Slide<static_cast<int>(kLanes) - 4>(fours[i], fours[i + 1]);
    const V right = Slide<4>(x[i], i + 1 < kVectors ? x[i + 1] : zero);
    sums[i] = hn::Add(hn::Add(left, fours[i + 1]), right);
  }
}

// 1 / sqrt(x), to about 2^-22.
HWY_INLINE V InverseRoot(V x) {
  const V guess = hn::ApproximateReciprocalSqrt(x);
  return hn::Mul(guess, hn::NegMulAdd(hn::Mul(Set(0.5f), x), hn::Mul(guess, guess), Set(1.5f)));
}

template <bool kThreeQuarters>
struct LrnPower {
  explicit LrnPower(const LrnParams& lrn)
      : bias(Set(lrn.bias)), alpha(Set(lrn.alpha)), minus_beta(Set(-lrn.beta)), factor(Set(2 * lrn.alpha * lrn.beta)) {}

  // s^-beta, from the window's sum of squares; and 1 / s.
  HWY_INLINE V Raise(V squares, V* inverse) const {
    const V s = hn::MulAdd(alpha, squares, bias);
    if constexpr (kThreeQuarters) {
      const V root = InverseRoot(s);
      *inverse = hn::Mul(root, root);
      return hn::Mul(*inverse, InverseRoot(root));
    }
    *inverse = hn::Div(Set(1), s);
    return hn::Exp(Floats(), hn::Mul(minus_beta, hn::Log(Floats(), s)));
  }

  V bias;
  V alpha;
  V minus_beta;
  V factor;
};

template <int kVectors, class Power>
HWY_NOINLINE void LrnForwardInRegisters(const Power& power, size_t pixels, const float* x, float* y) {
  constexpr size_t kChannels = kVectors * kLanes;
  for (size_t p = 0; p < pixels; ++p, x += kChannels, y += kChannels) {
    V in[kVectors];
    V squares[kVectors];
    V sums[kVectors];
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      in[v] = LoadU(x + v * kLanes);
      squares[v] = hn::Mul(in[v], in[v]);
    }
    WindowSums9<kVectors>(squares, sums);
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      V inverse;
      StoreU(hn::Mul(in[v], power.Raise(sums[v], &inverse)), y + v * kLanes);
    }
  }
}

template <int kVectors, class Power>
HWY_NOINLINE void LrnBackwardInRegisters(const Power& power, size_t pixels, const float* x, const float* dy, bool relu,
                                         float* dx) {
  constexpr size_t kChannels = kVectors * kLanes;
  const V floor = relu ? Zero() : Set(-std::numeric_limits<float>::infinity());
  for (size_t p = 0; p < pixels; ++p, x += kChannels, dy += kChannels, dx += kChannels) {
    V in[kVectors];
    V squares[kVectors];
    V sums[kVectors];
    V direct[kVectors];
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      in[v] = LoadU(x + v * kLanes);
      squares[v] = hn::Mul(in[v], in[v]);
    }
    WindowSums9<kVectors>(squares, sums);
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      V inverse;
      const V raised = power.Raise(sums[v], &inverse);
      direct[v] = hn::Mul(LoadU(dy + v * kLanes), raised);
      squares[v] = hn::Mul(hn::Mul(direct[v], in[v]), inverse);
    }
    WindowSums9<kVectors>(squares, sums);
    HWY_UNROLL(8)
    for (int v = 0; v < kVectors; ++v) {
      const V gradient = hn::NegMulAdd(hn::Mul(power.factor, in[v]), sums[v], direct[v]);
      StoreU(hn::IfThenElseZero(hn::Gt(in[v], floor), gradient), dx + v * kLanes);
    }
  }
}

// A pixel of any number of channels and any radius, in runs of kRun channels with what their windows reach on both
// sides.
class LrnRun {
 public:
  static constexpr size_t kRun = 512;

  template <class Power>
  static HWY_INLINE void ForwardPixel(const Power& power, size_t radius, size_t channels, const float* x, float* y) {
    alignas(64) float squares[kRun + 2 * kReachMax];
    float last[kLrnRadiusMax];
    for (size_t begin = 0; begin < channels; begin += kRun) {
      const size_t count = std::min(kRun, channels - begin);
      SquaresAround(radius, channels, x, begin, count, squares);
      // y may be x, so the squares to the left are kept from the run before.
      if (begin != 0) std::memcpy(squares + kReachMax - radius, last, radius * sizeof(float));
      std::memcpy(last, squares + kReachMax + kRun - radius, radius * sizeof(float));
      ForChannels(count, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
        V inverse;
        const V raised = power.Raise(WindowSum(squares + kReachMax + v.channel, radius), &inverse);
        const float* in = x + begin + v.channel;
        StoreSome<kPart>(hn::Mul(LoadSome<kPart>(in, v.count), raised), y + begin + v.channel, v.count);
      });
    }
  }

  template <class Power>
  static HWY_INLINE void BackwardPixel(const Power& power, size_t radius, size_t channels, const float* x,
                                       const float* dy, bool relu, float* dx) {
    alignas(64) float squares[kRun + 2 * kReachMax];
    alignas(64) float direct[kRun + 2 * kReachMax];
    alignas(64) float terms[kRun + 2 * kReachMax];
    const V floor = relu ? Zero() : Set(-std::numeric_limits<float>::infinity());
    for (size_t begin = 0; begin < channels; begin += kRun) {
      const size_t count = std::min(kRun, channels - begin);
      // dx may be dy, so the terms to the left are kept from the run before.
      std::memcpy(terms + kReachMax - radius, terms + kReachMax + kRun - radius,
                  begin == 0 ? 0 : radius * sizeof(float));
      if (begin == 0) std::memset(terms, 0, kReachMax * sizeof(float));
      const size_t known_end = std::min(channels, begin + count + radius);
      SquaresAround(2 * radius, channels, x, begin, count, squares);
      ForChannels(known_end - begin, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
        V inverse;
        const V raised = power.Raise(WindowSum(squares + kReachMax + v.channel, radius), &inverse);
        const V gradient = hn::Mul(LoadSome<kPart>(dy + begin + v.channel, v.count), raised);
        const V in = LoadSome<kPart>(x + begin + v.channel, v.count);
        StoreU(gradient, direct + kReachMax + v.channel);
        StoreU(hn::Mul(hn::Mul(gradient, in), inverse), terms + kReachMax + v.channel);
      });
      std::memset(terms + kReachMax + (known_end - begin), 0, (begin + count + radius - known_end) * sizeof(float));
      ForChannels(count, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
        const V in = LoadSome<kPart>(x + begin + v.channel, v.count);
        const V sum = WindowSum(terms + kReachMax + v.channel, radius);
        const V gradient = hn::NegMulAdd(hn::Mul(power.factor, in), sum, LoadU(direct + kReachMax + v.channel));
        StoreSome<kPart>(hn::IfThenElseZero(hn::Gt(in, floor), gradient), dx + begin + v.channel, v.count);
      });
    }
  }

 private:
  // Two windows' reach and a vector, so that whole vectors may be read and written past the end.
  static constexpr size_t kReachMax = RoundUp(2 * kLrnRadiusMax + kChannelBlock, kChannelBlock);

  static HWY_INLINE V WindowSum(const float* center, size_t radius) {
    V sum = LoadU(center);
    for (size_t r = 1; r <= radius; ++r) sum = hn::Add(sum, hn::Add(LoadU(center - r), LoadU(center + r)));
    return sum;
  }

  // squares[kReachMax + i] = x[begin + i]^2 for i from -reach to count + reach, zeros where there is no channel.
  static HWY_INLINE void SquaresAround(size_t reach, size_t channels, const float* x, size_t begin, size_t count,
                                       float* squares) {
    const size_t first = begin < reach ? 0 : begin - reach;
    const size_t end = std::min(channels, begin + count + reach);
    float* const at_first = squares + (kReachMax + first) - begin;
    std::fill(squares, at_first, 0.0f);
    ForChannels(end - first, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
      const V in = LoadSome<kPart>(x + first + v.channel, v.count);
      StoreU(hn::Mul(in, in), at_first + v.channel);
    });
    std::fill(at_first + (end - first), squares + kRun + 2 * kReachMax, 0.0f);
  }
};

template <class Power>
HWY_INLINE void LrnForwardWith(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, float* y) {
  const Power power(lrn);
  if (lrn.radius == 4) {
    if (channels == 1 * kLanes) return LrnForwardInRegisters<1>(power, pixels, x, y);
    if (channels == 2 * kLanes) return LrnForwardInRegisters<2>(power, pixels, x, y);
    if (channels == 4 * kLanes) return LrnForwardInRegisters<4>(power, pixels, x, y);
    if (channels == 8 * kLanes) return LrnForwardInRegisters<8>(power, pixels, x, y);
  }
  for (size_t p = 0; p < pixels; ++p) {
    LrnRun::ForwardPixel(power, lrn.radius, channels, x + p * channels, y + p * channels);
  }
}

template <class Power>
HWY_INLINE void LrnBackwardWith(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, const float* dy,
                                bool relu, float* dx) {
  const Power power(lrn);
  if (lrn.radius == 4) {
    if (channels == 1 * kLanes) return LrnBackwardInRegisters<1>(power, pixels, x, dy, relu, dx);
    if (channels == 2 * kLanes) return LrnBackwardInRegisters<2>(power, pixels, x, dy, relu, dx);
    if (channels == 4 * kLanes) return LrnBackwardInRegisters<4>(power, pixels, x, dy, relu, dx);
    if (channels == 8 * kLanes) return LrnBackwardInRegisters<8>(power, pixels, x, dy, relu, dx);
  }
  for (size_t p = 0; p < pixels; ++p) {
    const size_t at = p * channels;
    LrnRun::BackwardPixel(power, lrn.radius, channels, x + at, dy + at, relu, dx + at);
  }
}

HWY_NOINLINE void LrnForwardRun(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, float* y) {
  if (lrn.beta == 0.75f) return LrnForwardWith<LrnPower<true>>(lrn, pixels, channels, x, y);
  LrnForwardWith<LrnPower<false>>(lrn, pixels, channels, x, y);
}

HWY_NOINLINE void LrnBackwardRun(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, const float* dy,
                                 bool relu, float* dx) {
  if (lrn.beta == 0.75f) return LrnBackwardWith<LrnPower<true>>(lrn, pixels, channels, x, dy, relu, dx);
  LrnBackwardWith<LrnPower<false>>(lrn, pixels, channels, x, dy, relu, dx);
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#endif  // DOWNPOUR_KERNELS_NN_SIMD_LRN_INL_H_
