// This file is compiled once per instruction set: foreach_target.h includes it again for each but the last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nn/simd/elementwise.cc"

#include "kernels/nn/elementwise.h"

#include <cstring>

#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "kernels/nn/simd/activations-inl.h"
#include "kernels/nn/simd/column_sums-inl.h"
#include "kernels/nn/simd/dropout-inl.h"
#include "kernels/nn/simd/export_levels.h"
#include "kernels/nn/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

// y[i] = function(x[i]), and of two inputs.
template <class Function>
HWY_INLINE void Map(const float* x, float* y, size_t count, const Function& function) {
  ForChannels(count, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    StoreSome<kPart>(function(LoadSome<kPart>(x + v.channel, v.count)), y + v.channel, v.count);
  });
}

template <class Function>
HWY_INLINE void Map(const float* a, const float* b, float* y, size_t count, const Function& function) {
  ForChannels(count, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    const V first = LoadSome<kPart>(a + v.channel, v.count);
    StoreSome<kPart>(function(first, LoadSome<kPart>(b + v.channel, v.count)), y + v.channel, v.count);
  });
}

template <class Function>
HWY_NOINLINE void ForwardRun(float slope, const float* x, float* y, size_t count) {
  const Function function(slope);
  Map(x, y, count, [&function](V in) HWY_ATTR { return function.Forward(in); });
}

template <class Function>
HWY_NOINLINE void BackwardRun(float slope, const float* saved, const float* dy, float* dx, size_t count) {
  const Function function(slope);
  Map(saved, dy, dx, count, [&function](V in, V gradient) HWY_ATTR { return function.Backward(in, gradient); });
}

HWY_NOINLINE void AddBiasRun(size_t rows, size_t channels, const float* x, const float* bias, bool relu, float* y) {
  const V floor = relu ? Zero() : Set(-std::numeric_limits<float>::infinity());
  for (size_t r = 0; r < rows; ++r, x += channels, y += channels) {
    Map(x, bias, y, channels, [floor](V in, V b) HWY_ATTR { return hn::Max(hn::Add(in, b), floor); });
  }
}

HWY_NOINLINE void BiasGradientRun(size_t rows, size_t channels, const float* dy, float* dbias) {
  ForChannelRuns(channels, [&]<int kVectors, bool kPart>(ChannelVector v) HWY_ATTR {
    const float* const from = dy + v.channel;
    double totals[1][kRunChannels];
    const auto terms = [&](size_t row, int i, V(&values)[1])
                           HWY_ATTR { values[0] = LoadSome<kPart>(from + row * channels + i * kLanes, v.count); };
    SumColumns<1, kVectors>(rows, terms, totals);
    const size_t count = kPart ? v.count : kVectors * kLanes;
    for (size_t c = 0; c < count; ++c) dbias[v.channel + c] = static_cast<float>(totals[0][c]);
  });
}

HWY_NOINLINE double SumRun(const float* x, size_t count) {
  const size_t rows = count / kRunChannels;
  double totals[1][kRunChannels];
  const auto terms = [x](size_t row, int i, V(&values)[1])
                         HWY_ATTR { values[0] = LoadU(x + row * kRunChannels + i * kLanes); };
  SumColumns<1, 4>(rows, terms, totals);
  double sum = 0;
  for (const double total : totals[0]) sum += total;
  for (size_t i = rows * kRunChannels; i < count; ++i) sum += double{x[i]};
  return sum;
}

class SimdElementwise final : public ElementwiseKernels {
 public:
  void ActivationForward(Activation kind, float slope, const float* x, float* y, size_t count) const override {
    switch (kind) {
      case Activation::kRelu:
        return ForwardRun<Relu>(slope, x, y, count);
      case Activation::kLeakyRelu:
        return ForwardRun<LeakyRelu>(slope, x, y, count);
      case Activation::kTanh:
        return ForwardRun<Tanh>(slope, x, y, count);
      case Activation::kSigmoid:
        return ForwardRun<Sigmoid>(slope, x, y, count);
      case Activation::kGelu:
        return ForwardRun<Gelu>(slope, x, y, count);
    }
  }
  void ActivationBackward(Activation kind, float slope, const float* saved, const float* dy, float* dx,
                          size_t count) const override {
    switch (kind) {
      case Activation::kRelu:
        return BackwardRun<Relu>(slope, saved, dy, dx, count);
      case Activation::kLeakyRelu:
        return BackwardRun<LeakyRelu>(slope, saved, dy, dx, count);
      case Activation::kTanh:
        return BackwardRun<Tanh>(slope, saved, dy, dx, count);
      case Activation::kSigmoid:
        return BackwardRun<Sigmoid>(slope, saved, dy, dx, count);
      case Activation::kGelu:
        return BackwardRun<Gelu>(slope, saved, dy, dx, count);
    }
  }

  void Add(const float* a, const float* b, float* y, size_t count) const override {
    Map(a, b, y, count, [](V first, V second) HWY_ATTR { return hn::Add(first, second); });
  }
  void AddRelu(const float* a, const float* b, float* y, size_t count) const override {
    Map(a, b, y, count, [](V first, V second) HWY_ATTR { return hn::Max(hn::Add(first, second), Zero()); });
  }
  void Multiply(const float* a, const float* b, float* y, size_t count) const override {
    Map(a, b, y, count, [](V first, V second) HWY_ATTR { return hn::Mul(first, second); });
  }
  void Scale(float factor, const float* x, float* y, size_t count) const override {
    const V f = Set(factor);
    Map(x, y, count, [f](V in) HWY_ATTR { return hn::Mul(f, in); });
  }
  void AddBias(size_t rows, size_t channels, const float* x, const float* bias, bool relu, float* y) const override {
    AddBiasRun(rows, channels, x, bias, relu, y);
  }
  void BiasGradient(size_t rows, size_t channels, const float* dy, float* dbias) const override {
    BiasGradientRun(rows, channels, dy, dbias);
  }
  double Sum(const float* x, size_t count) const override { return SumRun(x, count); }
  void Dropout(double rate, DropoutKey key, uint64_t first, const float* x, float* y, size_t count) const override {
    DropoutRun(rate, key, first, x, y, count);
  }
};

const ElementwiseKernels& Elementwise() {
  static constexpr SimdElementwise kernels;
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace downpour::nn {
DP_NN_EXPORT_LEVELS(ElementwiseKernels, Elementwise, ElementwiseOfLevel)
}  // namespace downpour::nn
#endif  // HWY_ONCE
