#include "kernels/nn/normalization.h"

#include <vector>

#include "gtest/gtest.h"
#include "kernels/nn/test_tensors.h"

namespace downpour::nn {
namespace {

using testing::GuardedFloats;
using testing::NormalFloats;
using testing::RelativeError;
using testing::SimdLevels;

constexpr double kTolerance = 1e-5;

struct Case {
  size_t rows;
  size_t channels;
  float mean;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const size_t channels : {1, 3, 8, 15, 16, 17, 32, 64, 65, 100, 130}) {
    for (const size_t rows : {5, 64, 65, 300}) cases.push_back({rows, channels, 0.5f});
  }
  cases.push_back({4000, 16, 100});  // a mean far from 0: squares must not cancel
  return cases;
}

TEST(BatchNormTest, AgreesWithTheReference) {
  for (const Case& c : Cases()) {
    const size_t count = c.rows * c.channels;
    const GuardedFloats x(NormalFloats(count, 1, c.mean)), dy(NormalFloats(count, 2));
    const GuardedFloats gamma(NormalFloats(c.channels, 3, 1, 0.3f)), beta(NormalFloats(c.channels, 4));
    for (const bool relu : {false, true}) {
      const NormalizationKernels::BatchNorm norm = {c.rows, c.channels, 1e-5f, gamma.data(), beta.data(), relu};
      GuardedFloats mean(c.channels), variance(c.channels), y(count), dx(count), dgamma(c.channels), dbeta(c.channels);
      const NormalizationKernels& reference = ReferenceNnKernels().normalization;
      reference.BatchNormForward(norm, x.data(), mean.data(), variance.data(), y.data());
      reference.BatchNormBackward(norm, x.data(), mean.data(), variance.data(), dy.data(), dx.data(), dgamma.data(),
                                  dbeta.data());
      for (const NnKernels* kernels : SimdLevels()) {
        GuardedFloats got_mean(c.channels), got_variance(c.channels), got_y(count), inferred(count);
        kernels->normalization.BatchNormForward(norm, x.data(), got_mean.data(), got_variance.data(), got_y.data());
        kernels->normalization.BatchNormInference(norm, x.data(), mean.data(), variance.data(), inferred.data());
        EXPECT_LT(RelativeError(got_mean, mean), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
        EXPECT_LT(RelativeError(got_variance, variance), kTolerance)
            << kernels->name << ' ' << c.rows << ' ' << c.channels;
        // A rounding of a large mean moves every output; that of the mean is the float's.
        EXPECT_LT(RelativeError(got_y, y), c.mean > 10 ? 5e-5 : kTolerance)
            << kernels->name << ' ' << c.rows << ' ' << c.channels;
        EXPECT_LT(RelativeError(inferred, y), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
        GuardedFloats got_dx(count), got_dgamma(c.channels), got_dbeta(c.channels);
        kernels->normalization.BatchNormBackward(norm, x.data(), mean.data(), variance.data(), dy.data(), got_dx.data(),
                                                 got_dgamma.data(), got_dbeta.data());
        EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
        EXPECT_LT(RelativeError(got_dgamma, dgamma), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
        EXPECT_LT(RelativeError(got_dbeta, dbeta), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
        GuardedFloats in_place = dy;
        kernels->normalization.BatchNormBackward(norm, x.data(), mean.data(), variance.data(), in_place.data(),
                                                 in_place.data(), got_dgamma.data(), got_dbeta.data());
        EXPECT_EQ(in_place, got_dx);
      }
    }
  }
}

TEST(LayerNormTest, AgreesWithTheReference) {
  for (const Case& c : Cases()) {
    if (c.mean > 10) continue;
    const size_t count = c.rows * c.channels;
    const GuardedFloats x(NormalFloats(count, 1, c.mean)), dy(NormalFloats(count, 2));
    const GuardedFloats gamma(NormalFloats(c.channels, 3, 1, 0.3f)), beta(NormalFloats(c.channels, 4));
    GuardedFloats mean(c.rows), inverse(c.rows), y(count), dx(count), dgamma(c.channels), dbeta(c.channels);
    const NormalizationKernels& reference = ReferenceNnKernels().normalization;
    reference.LayerNormForward(c.rows, c.channels, 1e-3f, gamma.data(), beta.data(), x.data(), mean.data(),
                               inverse.data(), y.data());
    reference.LayerNormBackward(c.rows, c.channels, gamma.data(), x.data(), mean.data(), inverse.data(), dy.data(),
                                dx.data(), dgamma.data(), dbeta.data());
    for (const NnKernels* kernels : SimdLevels()) {
      GuardedFloats got_mean(c.rows), got_inverse(c.rows), got_y(count);
      kernels->normalization.LayerNormForward(c.rows, c.channels, 1e-3f, gamma.data(), beta.data(), x.data(),
                                              got_mean.data(), got_inverse.data(), got_y.data());
      EXPECT_LT(RelativeError(got_mean, mean), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
      EXPECT_LT(RelativeError(got_inverse, inverse), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
      EXPECT_LT(RelativeError(got_y, y), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
      GuardedFloats got_dx(count), got_dgamma(c.channels), got_dbeta(c.channels);
      kernels->normalization.LayerNormBackward(c.rows, c.channels, gamma.data(), x.data(), mean.data(), inverse.data(),
                                               dy.data(), got_dx.data(), got_dgamma.data(), got_dbeta.data());
      // Of one channel, the gradient is a difference that is zero but for roundings.
      if (c.channels > 1) {
        EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
        EXPECT_LT(RelativeError(got_dgamma, dgamma), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
      }
      EXPECT_LT(RelativeError(got_dbeta, dbeta), kTolerance) << kernels->name << ' ' << c.rows << ' ' << c.channels;
    }
  }
}

}  // namespace
}  // namespace downpour::nn
