// This file is compiled once per instruction set: foreach_target.h includes it again for each but the last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nn/simd/normalization.cc"

#include "kernels/nn/normalization.h"

#include <cmath>
#include <limits>

#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "kernels/nn/simd/column_sums-inl.h"
#include "kernels/nn/simd/export_levels.h"
#include "kernels/nn/simd/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace downpour::nn {
namespace HWY_NAMESPACE {

using BatchNorm = NormalizationKernels::BatchNorm;

// A value for each channel of a run, padded so that whole vectors can be read.
struct RunValues {
  alignas(64) float values[kRunChannels] = {};
  HWY_INLINE V operator[](int i) const { return Load(values + i * kLanes); }
};

// Batch norm of a run of channels as y = (x - mean) * scale + beta.
struct RunNorm {
  RunNorm(const BatchNorm& norm, size_t first, size_t count, const float* mean_of, const float* variance_of) {
    for (size_t c = 0; c < count; ++c) {
      mean.values[c] = mean_of[first + c];
      const double inverse_of = 1 / std::sqrt(double{variance_of[first + c]} + double{norm.epsilon});
      inverse.values[c] = static_cast<float>(inverse_of);
      scale.values[c] = static_cast<float>(inverse_of * double{norm.gamma[first + c]});
      beta.values[c] = norm.beta != nullptr ? norm.beta[first + c] : 0.0f;
    }
  }

  RunValues mean;
  RunValues inverse;
  RunValues scale;
  RunValues beta;
};

template <int kVectors, bool kPart>
constexpr size_t RunCount(ChannelVector v) {
  return kPart ? v.count : kVectors * kLanes;
}

// One pass over memory: sums of x - shift and of its square, where the shift is near the mean, so that nothing cancels.
template <int kVectors, bool kPart>
HWY_INLINE void RunStatistics(const BatchNorm& norm, const float* x, ChannelVector run, float* mean, float* variance) {
  constexpr size_t kShiftRows = 64;
  const float* const from = x + run.channel;
  const size_t count = RunCount<kVectors, kPart>(run);
  RunValues shift;
  double sums[1][kRunChannels];
  const size_t shift_rows = std::min(kShiftRows, norm.rows);
  const auto values = [&](size_t row, int i, V(&terms)[1])
                          HWY_ATTR { terms[0] = LoadSome<kPart>(from + row * norm.channels + i * kLanes, run.count); };
  SumColumns<1, kVectors>(shift_rows, values, sums);
  for (size_t c = 0; c < count; ++c) shift.values[c] = static_cast<float>(sums[0][c] / static_cast<double>(shift_rows));
  double moments[2][kRunChannels];
  const auto shifted = [&](size_t row, int i, V(&terms)[2]) HWY_ATTR {
    terms[0] = hn::Sub(LoadSome<kPart>(from + row * norm.channels + i * kLanes, run.count), shift[i]);
    terms[1] = hn::Mul(terms[0], terms[0]);
  };
  SumColumns<2, kVectors>(norm.rows, shifted, moments);
  const double rows = static_cast<double>(norm.rows);
  for (size_t c = 0; c < count; ++c) {
    const double beyond = moments[0][c] / rows;
    mean[run.channel + c] = static_cast<float>(shift.values[c] + beyond);
    variance[run.channel + c] = static_cast<float>(std::max(0.0, moments[1][c] / rows - beyond * beyond));
  }
}

HWY_NOINLINE void StatisticsRun(const BatchNorm& norm, const float* x, float* mean, float* variance) {
  ForChannelRuns(norm.channels, [&]<int kVectors, bool kPart>(ChannelVector run)
                                    HWY_ATTR { RunStatistics<kVectors, kPart>(norm, x, run, mean, variance); });
}

HWY_NOINLINE void NormalizeRun(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                               float* y) {
  const V floor = norm.relu ? Zero() : Set(-std::numeric_limits<float>::infinity());
  ForChannelRuns(norm.channels, [&]<int kVectors, bool kPart>(ChannelVector run) HWY_ATTR {
    const RunNorm values(norm, run.channel, RunCount<kVectors, kPart>(run), mean, variance);
    for (size_t row = 0; row < norm.rows; ++row) {
      const size_t at = row * norm.channels + run.channel;
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) {
        const V centered = hn::Sub(LoadSome<kPart>(x + at + i * kLanes, run.count), values.mean[i]);
        const V out = hn::MulAdd(centered, values.scale[i], values.beta[i]);
        StoreSome<kPart>(hn::Max(out, floor), y + at + i * kLanes, run.count);
      }
    }
  });
}

// Sums first, then dx = scale * (g - mean of g - normalised x * mean of g * normalised x), g being dy behind the relu.
template <bool kRelu>
HWY_NOINLINE void BatchNormBackwardRun(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                                       const float* dy, float* dx, float* dgamma, float* dbeta) {
  ForChannelRuns(norm.channels, [&]<int kVectors, bool kPart>(ChannelVector run) HWY_ATTR {
    const size_t count = RunCount<kVectors, kPart>(run);
    const RunNorm values(norm, run.channel, count, mean, variance);
    // The gradient behind the relu and x - mean, of the run's vector i in `row`.
    const auto load = [&](size_t row, int i, V* gradient, V* centered) HWY_ATTR {
      const size_t at = row * norm.channels + run.channel + i * kLanes;
      *centered = hn::Sub(LoadSome<kPart>(x + at, run.count), values.mean[i]);
      *gradient = LoadSome<kPart>(dy + at, run.count);
      if constexpr (kRelu) {
        const V out = hn::MulAdd(*centered, values.scale[i], values.beta[i]);
        *gradient = hn::IfThenElseZero(hn::Gt(out, Zero()), *gradient);
      }
    };
    double totals[2][kRunChannels];
    const auto terms = [&](size_t row, int i, V(&sums)[2]) HWY_ATTR {
      V centered;
      load(row, i, &sums[0], &centered);
      sums[1] = hn::Mul(sums[0], centered);
    };
    SumColumns<2, kVectors>(norm.rows, terms, totals);
    RunValues mean_gradient;
    RunValues slope;  // of dx over x - mean, but for the scale
    for (size_t c = 0; c < count; ++c) {
      const double inverse = values.inverse.values[c];
      const double rows = static_cast<double>(norm.rows);
      dgamma[run.channel + c] = static_cast<float>(totals[1][c] * inverse);
      dbeta[run.channel + c] = static_cast<float>(totals[0][c]);
      mean_gradient.values[c] = static_cast<float>(totals[0][c] / rows);
      slope.values[c] = static_cast<float>(totals[1][c] * inverse * inverse / rows);
    }
    for (size_t row = 0; row < norm.rows && dx != nullptr; ++row) {
      HWY_UNROLL(4)
      for (int i = 0; i < kVectors; ++i) {
        V gradient;
        V centered;
        load(row, i, &gradient, &centered);
        const V rest = hn::NegMulAdd(centered, slope[i], hn::Sub(gradient, mean_gradient[i]));
        StoreSome<kPart>(hn::Mul(values.scale[i], rest), dx + row * norm.channels + run.channel + i * kLanes,
                         run.count);
      }
    }
  });
}

HWY_INLINE double LaneSum(V v) { return double{hn::GetLane(hn::SumOfLanes(Floats(), v))}; }

HWY_NOINLINE void LayerNormForwardRow(size_t channels, float epsilon, const float* gamma, const float* beta,
                                      const float* x, float* mean, float* inverse, float* y) {
  V sums = Zero();
  ForChannels(channels, [&]<bool kPart>(ChannelVector v)
                            HWY_ATTR { sums = hn::Add(sums, LoadSome<kPart>(x + v.channel, v.count)); });
  *mean = static_cast<float>(LaneSum(sums) / static_cast<double>(channels));
  const V center = Set(*mean);
  V squares = Zero();
  ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    V centered = hn::Sub(LoadSome<kPart>(x + v.channel, v.count), center);
    if constexpr (kPart) centered = hn::IfThenElseZero(hn::FirstN(Floats(), v.count), centered);
    squares = hn::MulAdd(centered, centered, squares);
  });
  *inverse = static_cast<float>(1 / std::sqrt(LaneSum(squares) / static_cast<double>(channels) + double{epsilon}));
  const V factor = Set(*inverse);
  ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    const V normalised = hn::Mul(hn::Sub(LoadSome<kPart>(x + v.channel, v.count), center), factor);
    const V g = LoadSome<kPart>(gamma + v.channel, v.count);
    const V b = LoadSome<kPart>(beta + v.channel, v.count);
    StoreSome<kPart>(hn::MulAdd(normalised, g, b), y + v.channel, v.count);
  });
}

// dx = inverse * (h - mean of h - normalised x * mean of h * normalised x), h being dy * gamma.
HWY_NOINLINE void LayerNormBackwardRow(size_t channels, const float* gamma, const float* x, float mean, float inverse,
                                       const float* dy, float* dx) {
  const V center = Set(mean);
  const V factor = Set(inverse);
  V sums = Zero();
  V products = Zero();
  ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    const V h = hn::Mul(LoadSome<kPart>(dy + v.channel, v.count), LoadSome<kPart>(gamma + v.channel, v.count));
    const V normalised = hn::Mul(hn::Sub(LoadSome<kPart>(x + v.channel, v.count), center), factor);
    sums = hn::Add(sums, h);
    products = hn::MulAdd(h, normalised, products);  // h is zero behind the last channel
  });
  const double count = static_cast<double>(channels);
  const V mean_h = Set(static_cast<float>(LaneSum(sums) / count));
  const V mean_product = Set(static_cast<float>(LaneSum(products) / count));
  ForChannels(channels, [&]<bool kPart>(ChannelVector v) HWY_ATTR {
    const V h = hn::Mul(LoadSome<kPart>(dy + v.channel, v.count), LoadSome<kPart>(gamma + v.channel, v.count));
    const V normalised = hn::Mul(hn::Sub(LoadSome<kPart>(x + v.channel, v.count), center), factor);
    const V rest = hn::NegMulAdd(normalised, mean_product, hn::Sub(h, mean_h));
    StoreSome<kPart>(hn::Mul(factor, rest), dx + v.channel, v.count);
  });
}

HWY_NOINLINE void LayerNormGradients(size_t rows, size_t channels, const float* x, const float* mean,
                                     const float* inverse, const float* dy, float* dgamma, float* dbeta) {
  ForChannelRuns(channels, [&]<int kVectors, bool kPart>(ChannelVector run) HWY_ATTR {
    double totals[2][kRunChannels];
    const auto terms = [&](size_t row, int i, V(&sums)[2]) HWY_ATTR {
      const size_t at = row * channels + run.channel + i * kLanes;
      sums[0] = LoadSome<kPart>(dy + at, run.count);
      const V centered = hn::Sub(LoadSome<kPart>(x + at, run.count), Set(mean[row]));
      sums[1] = hn::Mul(sums[0], hn::Mul(centered, Set(inverse[row])));
    };
    SumColumns<2, kVectors>(rows, terms, totals);
    for (size_t c = 0; c < RunCount<kVectors, kPart>(run); ++c) {
      dgamma[run.channel + c] = static_cast<float>(totals[1][c]);
      dbeta[run.channel + c] = static_cast<float>(totals[0][c]);
    }
  });
}

class SimdNormalization final : public NormalizationKernels {
 public:
  void BatchNormForward(const BatchNorm& norm, const float* x, float* mean, float* variance, float* y) const override {
    StatisticsRun(norm, x, mean, variance);
    NormalizeRun(norm, x, mean, variance, y);
  }
  void BatchNormInference(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                          float* y) const override {
    NormalizeRun(norm, x, mean, variance, y);
  }
  void BatchNormBackward(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                         const float* dy, float* dx, float* dgamma, float* dbeta) const override {
    if (norm.relu) return BatchNormBackwardRun<true>(norm, x, mean, variance, dy, dx, dgamma, dbeta);
    BatchNormBackwardRun<false>(norm, x, mean, variance, dy, dx, dgamma, dbeta);
  }
  void LayerNormForward(size_t rows, size_t channels, float epsilon, const float* gamma, const float* beta,
                        const float* x, float* mean, float* inverse, float* y) const override {
    for (size_t r = 0; r < rows; ++r) {
      LayerNormForwardRow(channels, epsilon, gamma, beta, x + r * channels, mean + r, inverse + r, y + r * channels);
    }
  }
  void LayerNormBackward(size_t rows, size_t channels, const float* gamma, const float* x, const float* mean,
                         const float* inverse, const float* dy, float* dx, float* dgamma, float* dbeta) const override {
    LayerNormGradients(rows, channels, x, mean, inverse, dy, dgamma, dbeta);
    if (dx == nullptr) return;
    for (size_t r = 0; r < rows; ++r) {
      const size_t at = r * channels;
      LayerNormBackwardRow(channels, gamma, x + at, mean[r], inverse[r], dy + at, dx + at);
    }
  }
};

const NormalizationKernels& Normalization() {
  static constexpr SimdNormalization kernels;
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour::nn
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace downpour::nn {
DP_NN_EXPORT_LEVELS(NormalizationKernels, Normalization, NormalizationOfLevel)
}  // namespace downpour::nn
#endif  // HWY_ONCE
