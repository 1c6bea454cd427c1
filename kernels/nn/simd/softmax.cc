// This file is compiled once per instruction set: foreach_target.h includes it again for each but the last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nn/simd/softmax.cc"

#include <cmath>
#include <limits>

#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "kernels/nn/loss.h"
#include "kernels/nn/simd/export_levels.h"
#include "kernels/nn/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

HWY_INLINE float Sum(V v) { return hn::GetLane(hn::SumOfLanes(Floats(), v)); }

// `v` with `other` behind the first `count` lanes.
template <bool kPart>
HWY_INLINE V Fill(V v, size_t count, V other) {
  if constexpr (kPart) return hn::IfThenElse(hn::FirstN(Floats(), count), v, other);
  return v;
}

HWY_INLINE float LargestOf(size_t classes, const float* x) {
  const V least = Set(-std::numeric_limits<float>::infinity());
  V largest = least;
  ForChannels(classes, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    largest = hn::Max(largest, Fill<kPart>(LoadSome<kPart>(x + v.channel, v.count), v.count, least));
  });
  return hn::GetLane(hn::MaxOfLanes(Floats(), largest));
}

// y = exp(x - largest), whose sum is returned. `seen` gets each (vector of classes, x - largest) before y is written.
template <class Seen>
HWY_INLINE float Exponentials(size_t classes, float largest, const float* x, float* y, const Seen& seen) {
  const V top = Set(largest);
  V sum = Zero();
  ForChannels(classes, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    const V below = Fill<kPart>(hn::Sub(LoadSome<kPart>(x + v.channel, v.count), top), v.count, Zero());
    seen.template operator()<kPart>(v, below);
    const V e = hn::Exp(Floats(), hn::Max(below, Set(-104)));
    sum = hn::Add(sum, Fill<kPart>(e, v.count, Zero()));
    StoreSome<kPart>(e, y + v.channel, v.count);
  });
  return Sum(sum);
}

HWY_INLINE void Multiply(size_t classes, float factor, float* y) {
  const V f = Set(factor);
  ForChannels(classes, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    StoreSome<kPart>(hn::Mul(f, LoadSome<kPart>(y + v.channel, v.count)), y + v.channel, v.count);
  });
}

HWY_NOINLINE void SoftmaxForwardRow(size_t classes, const float* x, float* y) {
  const auto ignore = []<bool kPart>(ChannelVector /*v*/, V /*below*/) HWY_ATTR {};
  const float sum = Exponentials(classes, LargestOf(classes, x), x, y, ignore);
  Multiply(classes, 1 / sum, y);
}

HWY_NOINLINE void SoftmaxBackwardRow(size_t classes, const float* y, const float* dy, float* dx) {
  V products = Zero();
  ForChannels(classes, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    products = hn::MulAdd(LoadSome<kPart>(y + v.channel, v.count), LoadSome<kPart>(dy + v.channel, v.count), products);
  });
  const V sum = Set(Sum(products));
  ForChannels(classes, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    const V gradient = hn::Sub(LoadSome<kPart>(dy + v.channel, v.count), sum);
    StoreSome<kPart>(hn::Mul(LoadSome<kPart>(y + v.channel, v.count), gradient), dx + v.channel, v.count);
  });
}

// With z = x - max: the loss is log(sum of exp z) * (sum of t) - (sum of t * z).
HWY_NOINLINE float CrossEntropyRow(size_t classes, const float* x, const LossKernels::Targets& targets, size_t row,
                                   float* probabilities) {
  const float largest = LargestOf(classes, x);
  const double label_value = targets.labels != nullptr ? double{x[targets.labels[row]]} - largest : 0;
  const float* const distribution = targets.labels == nullptr ? targets.distribution + row * classes : nullptr;
  V values = Zero();    // z
  V products = Zero();  // t * z, before smoothing
  V weights = Zero();   // t, before smoothing
  const auto seen = [&]<bool kPart>(ChannelVector v, V below) HWY_ATTR {
    values = hn::Add(values, below);
    if (distribution == nullptr) return;
    const V t = LoadSome<kPart>(distribution + v.channel, v.count);
    products = hn::MulAdd(t, below, products);
    weights = hn::Add(weights, t);
  };
  const float sum = Exponentials(classes, largest, x, probabilities, seen);
  Multiply(classes, 1 / sum, probabilities);
  const double smoothing = targets.smoothing;
  const double sharp = distribution == nullptr ? label_value : double{Sum(products)};
  const double weight = distribution == nullptr ? 1 : double{Sum(weights)};
  const double smooth = smoothing == 0 ? 0 : smoothing * Sum(values) / static_cast<double>(classes);
  return static_cast<float>(std::log(double{sum}) * ((1 - smoothing) * weight + smoothing) - (1 - smoothing) * sharp -
                            smooth);
}

HWY_NOINLINE void CrossEntropyBackwardRow(size_t classes, const float* probabilities,
                                          const LossKernels::Targets& targets, size_t row, float scale, float* dx) {
  const V factor = Set(scale);
  const V everywhere = Set(targets.smoothing / static_cast<float>(classes));
  const float sharp = 1 - targets.smoothing;
  const float* const distribution = targets.labels == nullptr ? targets.distribution + row * classes : nullptr;
  // Of the label's class apart, so that dx may be `probabilities`.
  const size_t label = targets.labels == nullptr ? 0 : static_cast<size_t>(targets.labels[row]);
  const float at_label = probabilities[label];
  ForChannels(classes, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    V difference = hn::Sub(LoadSome<kPart>(probabilities + v.channel, v.count), everywhere);
    if (distribution != nullptr) {
      difference = hn::NegMulAdd(Set(sharp), LoadSome<kPart>(distribution + v.channel, v.count), difference);
    }
    StoreSome<kPart>(hn::Mul(factor, difference), dx + v.channel, v.count);
  });
  if (distribution == nullptr) {
    dx[label] = scale * (at_label - targets.smoothing / static_cast<float>(classes) - sharp);
  }
}

class SimdLoss final : public LossKernels {
 public:
  void SoftmaxForward(size_t rows, size_t classes, const float* x, float* y) const override {
    for (size_t r = 0; r < rows; ++r) SoftmaxForwardRow(classes, x + r * classes, y + r * classes);
  }
  void SoftmaxBackward(size_t rows, size_t classes, const float* y, const float* dy, float* dx) const override {
    for (size_t r = 0; r < rows; ++r) {
      SoftmaxBackwardRow(classes, y + r * classes, dy + r * classes, dx + r * classes);
    }
  }
  void CrossEntropyForward(size_t rows, size_t classes, const float* x, const Targets& targets, float* losses,
                           float* probabilities) const override {
    for (size_t r = 0; r < rows; ++r) {
      losses[r] = CrossEntropyRow(classes, x + r * classes, targets, r, probabilities + r * classes);
    }
  }
  void CrossEntropyBackward(size_t rows, size_t classes, const float* probabilities, const Targets& targets,
                            float scale, float* dx) const override {
    for (size_t r = 0; r < rows; ++r) {
      CrossEntropyBackwardRow(classes, probabilities + r * classes, targets, r, scale, dx + r * classes);
    }
  }
};

const LossKernels& Loss() {
  static constexpr SimdLoss kernels;
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace downpour::nn {
DP_NN_EXPORT_LEVELS(LossKernels, Loss, LossOfLevel)
}  // namespace downpour::nn
#endif  // HWY_ONCE
