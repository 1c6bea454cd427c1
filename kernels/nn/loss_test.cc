#include "kernels/nn/loss.h"

#include <vector>

#include "gtest/gtest.h"
#include "kernels/nn/test_tensors.h"

namespace downpour::nn {
namespace {

using testing::GuardedFloats;
using testing::NormalFloats;
using testing::RelativeError;
using testing::SimdLevels;

constexpr double kTolerance = 2e-6;
constexpr size_t kRows = 7;

std::vector<size_t> ClassCounts() { return {1, 2, 3, 4, 7, 8, 10, 15, 16, 17, 33, 100, 1000}; }

TEST(SoftmaxTest, AgreesWithTheReference) {
  for (const size_t classes : ClassCounts()) {
    const GuardedFloats x(NormalFloats(kRows * classes, 1, 0, 5)), dy(NormalFloats(kRows * classes, 2));
    GuardedFloats y(x.size()), dx(x.size());
    ReferenceNnKernels().loss.SoftmaxForward(kRows, classes, x.data(), y.data());
    ReferenceNnKernels().loss.SoftmaxBackward(kRows, classes, y.data(), dy.data(), dx.data());
    for (const NnKernels* kernels : SimdLevels()) {
      GuardedFloats got_y(x.size()), got_dx(x.size()), in_place = x;
      kernels->loss.SoftmaxForward(kRows, classes, x.data(), got_y.data());
      kernels->loss.SoftmaxForward(kRows, classes, in_place.data(), in_place.data());
      kernels->loss.SoftmaxBackward(kRows, classes, y.data(), dy.data(), got_dx.data());
      EXPECT_LT(RelativeError(got_y, y), kTolerance) << kernels->name << ' ' << classes;
      EXPECT_EQ(in_place, got_y);
      if (classes == 1) continue;
      EXPECT_LT(RelativeError(got_dx, dx), kTolerance) << kernels->name << ' ' << classes;
    }
  }
}

TEST(CrossEntropyTest, AgreesWithTheReferenceForLabelsAndDistributions) {
  for (const size_t classes : ClassCounts()) {
    std::vector<int32_t> labels;
    for (size_t r = 0; r < kRows; ++r) labels.push_back(static_cast<int32_t>((r * 5 + 1) % classes));
    GuardedFloats distribution(kRows * classes);
    const std::vector<float> raw = NormalFloats(kRows * classes, 3);
    ReferenceNnKernels().loss.SoftmaxForward(kRows, classes, raw.data(), distribution.data());
    const GuardedFloats x(NormalFloats(kRows * classes, 1, 0, 5));
    for (const bool sparse : {true, false}) {
      for (const float smoothing : {0.0f, 0.1f}) {
        LossKernels::Targets targets;
        targets.labels = sparse ? labels.data() : nullptr;
        targets.distribution = sparse ? nullptr : distribution.data();
        targets.smoothing = smoothing;
        GuardedFloats losses(kRows), probabilities(x.size()), dx(x.size());
        const LossKernels& reference = ReferenceNnKernels().loss;
        reference.CrossEntropyForward(kRows, classes, x.data(), targets, losses.data(), probabilities.data());
        reference.CrossEntropyBackward(kRows, classes, probabilities.data(), targets, 0.5f, dx.data());
        for (const NnKernels* kernels : SimdLevels()) {
          GuardedFloats got_losses(kRows), got_probabilities = x, got_dx = probabilities;
          kernels->loss.CrossEntropyForward(kRows, classes, got_probabilities.data(), targets, got_losses.data(),
                                            got_probabilities.data());
          kernels->loss.CrossEntropyBackward(kRows, classes, got_dx.data(), targets, 0.5f, got_dx.data());
          EXPECT_LT(RelativeError(got_losses, losses), kTolerance * (classes > 1 ? 1 : 1e30))
              << kernels->name << ' ' << classes << ' ' << sparse << ' ' << smoothing;
          EXPECT_LT(RelativeError(got_probabilities, probabilities), kTolerance) << kernels->name << ' ' << classes;
          if (classes == 1) continue;
          EXPECT_LT(RelativeError(got_dx, dx), kTolerance)
              << kernels->name << ' ' << classes << ' ' << sparse << ' ' << smoothing;
        }
      }
    }
  }
}

TEST(CrossEntropyTest, DoesNotOverflowOnLargeScores) {
  const std::vector<float> x = {1000, -1000, 0, 3e38f, -3e38f, 0};
  const std::vector<int32_t> labels = {0, 0};
  for (const NnKernels* kernels : AllSupportedNnKernels()) {
    GuardedFloats losses(2), probabilities(6);
    kernels->loss.CrossEntropyForward(2, 3, x.data(), {labels.data(), nullptr, 0}, losses.data(), probabilities.data());
    EXPECT_EQ(losses[0], 0) << kernels->name;
    EXPECT_EQ(losses[1], 0) << kernels->name;
    EXPECT_EQ(probabilities[0], 1) << kernels->name;
    EXPECT_NEAR(probabilities[5], 0, 1e-30) << kernels->name;
  }
}

}  // namespace
}  // namespace downpour::nn
