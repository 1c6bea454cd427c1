#include "kernels/nn/elementwise.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "kernels/nn/test_tensors.h"

namespace downpour::nn {
namespace {

using testing::GuardedFloats;
using testing::NormalFloats;
using testing::RelativeError;
using testing::SimdLevels;

constexpr double kTolerance = 2e-6;
constexpr Activation kActivations[] = {Activation::kRelu, Activation::kLeakyRelu, Activation::kTanh,
                                       Activation::kSigmoid, Activation::kGelu};

const ElementwiseKernels& Oracle() { return ReferenceNnKernels().elementwise; }

std::vector<size_t> Counts() {
  std::vector<size_t> counts = {100, 255, 1000, 4097};
  for (size_t count = 1; count < 70; ++count) counts.push_back(count);
  return counts;
}

TEST(ActivationTest, AgreesWithTheReferenceForwardAndBackward) {
  for (const size_t count : Counts()) {
    const GuardedFloats x(NormalFloats(count, 1, 0, 3));
    const GuardedFloats dy(NormalFloats(count, 2));
    for (const Activation kind : kActivations) {
      GuardedFloats y(count), dx(count);
      Oracle().ActivationForward(kind, 0.1f, x.data(), y.data(), count);
      const float* const saved = BackwardWantsInput(kind) ? x.data() : y.data();
      Oracle().ActivationBackward(kind, 0.1f, saved, dy.data(), dx.data(), count);
      for (const NnKernels* kernels : SimdLevels()) {
        GuardedFloats got_y(count), got_dx(count);
        kernels->elementwise.ActivationForward(kind, 0.1f, x.data(), got_y.data(), count);
        kernels->elementwise.ActivationBackward(kind, 0.1f, saved, dy.data(), got_dx.data(), count);
        EXPECT_LT(RelativeError(got_y, y), kTolerance)
            << kernels->name << ' ' << static_cast<int>(kind) << ' ' << count;
        EXPECT_LT(RelativeError(got_dx, dx), kTolerance)
            << kernels->name << ' ' << static_cast<int>(kind) << ' ' << count;
      }
    }
  }
}

TEST(ActivationTest, StaysFiniteFarOut) {
  const std::vector<float> far = {0,     -0.0f, 1e-30f, 50,    -50,    89, -89, 1000,
                                  -1000, 1e15f, -1e15f, 3e38f, -3e38f, 1,  -1,  5};
  const GuardedFloats x(far);
  const GuardedFloats dy(std::vector<float>(far.size(), 1.0f));
  for (const Activation kind : kActivations) {
    GuardedFloats y(far.size()), dx(far.size());
    Oracle().ActivationForward(kind, 0.1f, x.data(), y.data(), far.size());
    const float* const saved = BackwardWantsInput(kind) ? x.data() : y.data();
    Oracle().ActivationBackward(kind, 0.1f, saved, dy.data(), dx.data(), far.size());
    for (const NnKernels* kernels : SimdLevels()) {
      GuardedFloats got_y(far.size()), got_dx(far.size());
      kernels->elementwise.ActivationForward(kind, 0.1f, x.data(), got_y.data(), far.size());
      kernels->elementwise.ActivationBackward(kind, 0.1f, saved, dy.data(), got_dx.data(), far.size());
      for (size_t i = 0; i < far.size(); ++i) {
        EXPECT_NEAR(got_y[i], y[i], 1e-6 * std::max(1.0f, std::abs(y[i]))) << kernels->name << ' ' << far[i];
        EXPECT_NEAR(got_dx[i], dx[i], 1e-6) << kernels->name << ' ' << far[i];
      }
    }
  }
}

TEST(ArithmeticTest, EqualsTheReferenceAlsoInPlace) {
  for (const size_t count : Counts()) {
    const GuardedFloats a(NormalFloats(count, 1)), b(NormalFloats(count, 2));
    const auto all = [&](const ElementwiseKernels& k, GuardedFloats* out) {
      k.Add(a.data(), b.data(), out[0].data(), count);
      k.AddRelu(a.data(), b.data(), out[1].data(), count);
      k.Multiply(a.data(), b.data(), out[2].data(), count);
      k.Scale(0.3f, a.data(), out[3].data(), count);
    };
    GuardedFloats want[] = {GuardedFloats(count), GuardedFloats(count), GuardedFloats(count), GuardedFloats(count)};
    all(Oracle(), want);
    for (const NnKernels* kernels : SimdLevels()) {
      GuardedFloats got[] = {GuardedFloats(count), GuardedFloats(count), GuardedFloats(count), GuardedFloats(count)};
      all(kernels->elementwise, got);
      for (int i = 0; i < 4; ++i) EXPECT_EQ(got[i], want[i]) << kernels->name << ' ' << i << ' ' << count;
      GuardedFloats in_place = a;
      kernels->elementwise.Add(in_place.data(), b.data(), in_place.data(), count);
      EXPECT_EQ(in_place, want[0]);
    }
  }
}

TEST(BiasTest, IsAddedToEachRowAndItsGradientIsTheirSum) {
  for (const size_t channels : {1, 3, 10, 16, 33, 64, 100, 130, 384}) {
    for (const size_t rows : {1, 7, 64, 129}) {
      const GuardedFloats x(NormalFloats(rows * channels, 1, 0.5f)), bias(NormalFloats(channels, 2));
      for (const bool relu : {false, true}) {
        GuardedFloats y(x.size()), dbias(channels);
        Oracle().AddBias(rows, channels, x.data(), bias.data(), relu, y.data());
        Oracle().BiasGradient(rows, channels, x.data(), dbias.data());
        for (const NnKernels* kernels : SimdLevels()) {
          GuardedFloats got_y(x.size()), got_dbias(channels);
          kernels->elementwise.AddBias(rows, channels, x.data(), bias.data(), relu, got_y.data());
          kernels->elementwise.BiasGradient(rows, channels, x.data(), got_dbias.data());
          EXPECT_EQ(got_y, y) << kernels->name << ' ' << rows << ' ' << channels;
          EXPECT_LT(RelativeError(got_dbias, dbias), kTolerance) << kernels->name << ' ' << rows << ' ' << channels;
        }
      }
    }
  }
}

TEST(SumTest, IsAccurateOverAMillionElements) {
  for (const size_t count : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{1000}, size_t{1'000'003}}) {
    const std::vector<float> x = NormalFloats(count, 1, 1);
    const double want = Oracle().Sum(x.data(), count);
    for (const NnKernels* kernels : SimdLevels()) {
      EXPECT_NEAR(kernels->elementwise.Sum(x.data(), count), want, 1e-7 * want) << kernels->name << ' ' << count;
    }
  }
}

TEST(DropoutTest, GivesTheSameBitsOnEveryLevelFromAnyFirstElement) {
  const std::vector<float> x = NormalFloats(5000, 1);
  for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
    for (const uint64_t first : {uint64_t{0}, uint64_t{1}, uint64_t{3}, uint64_t{18}, (uint64_t{1} << 34) - 5}) {
      for (const size_t count : {1, 2, 5, 15, 16, 31, 33, 64, 100, 5000}) {
        const ElementwiseKernels::DropoutKey key = {0x123456789abcdefu, 0xfedcba987654321u};
        GuardedFloats want(count);
        Oracle().Dropout(rate, key, first, x.data(), want.data(), count);
        for (const NnKernels* kernels : SimdLevels()) {
          GuardedFloats got(count);
          kernels->elementwise.Dropout(rate, key, first, x.data(), got.data(), count);
          EXPECT_EQ(got, want) << kernels->name << ' ' << rate << ' ' << first << ' ' << count;
        }
      }
    }
  }
}

TEST(DropoutTest, TakesARateToTheLastBitOfTheBound) {
  const ElementwiseKernels::DropoutKey key = {5, 9};
  const std::array<uint32_t, 4> words = Philox4x32({0, 0, 9, 0}, {5, 0});
  const std::vector<float> ones(4, 1.0f);
  for (size_t i = 0; i < words.size(); ++i) {
    for (const NnKernels* kernels : AllSupportedNnKernels()) {
      std::vector<float> y(4);
      kernels->elementwise.Dropout(words[i] * 0x1p-32, key, 0, ones.data(), y.data(), 4);
      EXPECT_NE(y[i], 0) << kernels->name << ": the word is the bound";
      kernels->elementwise.Dropout((words[i] + 1.0) * 0x1p-32, key, 0, ones.data(), y.data(), 4);
      EXPECT_EQ(y[i], 0) << kernels->name << ": the word is one below";
    }
  }
}

TEST(DropoutTest, DropsTheShareAskedForAndKeepsTheMean) {
  const std::vector<float> ones(100'000, 1.0f);
  std::vector<float> y(ones.size());
  for (const NnKernels* kernels : AllSupportedNnKernels()) {
    kernels->elementwise.Dropout(0.25, {1, 2}, 0, ones.data(), y.data(), y.size());
    EXPECT_NEAR(std::count(y.begin(), y.end(), 0.0f), 25'000, 600) << kernels->name;
    EXPECT_NEAR(kernels->elementwise.Sum(y.data(), y.size()), 100'000, 800) << kernels->name;
    std::vector<float> other(ones.size());
    kernels->elementwise.Dropout(0.25, {1, 3}, 0, ones.data(), other.data(), y.size());
    EXPECT_NE(other, y);
  }
}

}  // namespace
}  // namespace downpour::nn
