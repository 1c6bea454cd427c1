#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "kernels/test_arrays.h"

namespace downpour {
namespace {

using testing::kFloatDTypes;
using testing::NormalFloats;
using testing::PackedFloats;

TEST(AllFiniteTest, FindsOneBadValueAtEveryPosition) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const Kernels* kernels : AllSupportedKernels()) {
    for (const DType dtype : kFloatDTypes) {
      for (size_t count = 0; count <= 300; count += count < 130 ? 1 : 17) {
        PackedFloats values(NormalFloats(count, 1), dtype, count % 5);
        ASSERT_TRUE(kernels->AllFinite(values.data(), dtype, count));
        for (size_t i = 0; i < count; ++i) {
          for (const float bad : {kNan, -kNan, kInfinity, -kInfinity}) {
            values.Set(i, bad);
            ASSERT_FALSE(kernels->AllFinite(values.data(), dtype, count))
                << kernels->Name() << ' ' << DTypeName(dtype) << ' ' << bad << " at " << i << " of " << count;
            ASSERT_FALSE(std::isfinite(kernels->SquaredNorm(values.data(), dtype, count)));
          }
          values.Set(i, 1);
        }
      }
    }
  }
}

TEST(AllFiniteTest, AcceptsTheLargestAndTheSmallestValues) {
  for (const Kernels* kernels : AllSupportedKernels()) {
    const PackedFloats single({3.4028234e38f, -3.4028234e38f, 1e-45f, -0.0f}, DType::kFloat32, 1);
    EXPECT_TRUE(kernels->AllFinite(single.data(), DType::kFloat32, 4));
    EXPECT_TRUE(std::isfinite(kernels->SquaredNorm(single.data(), DType::kFloat32, 4)));
    const PackedFloats half({65504.0f, -65504.0f, 6e-8f, -0.0f}, DType::kFloat16, 1);
    EXPECT_TRUE(kernels->AllFinite(half.data(), DType::kFloat16, 4));
    const PackedFloats brain({3.38e38f, -3.38e38f, 1e-40f, -0.0f}, DType::kBFloat16, 1);
    EXPECT_TRUE(kernels->AllFinite(brain.data(), DType::kBFloat16, 4));
  }
}

TEST(SumsTest, AgreeWithTheReferenceAndBitForBitBetweenLevels) {
  for (const DType dtype : kFloatDTypes) {
    for (size_t count = 0; count <= 5000; count += count < 300 ? 1 : 997) {
      const PackedFloats values(NormalFloats(count, 1), dtype, 3);
      const std::vector<float> x = NormalFloats(count, 2);
      const std::vector<float> y = NormalFloats(count, 3);
      const double norm = ReferenceKernels().SquaredNorm(values.data(), dtype, count);
      const double dot = ReferenceKernels().Dot(x.data(), y.data(), count);
      const Kernels& best = *AllSupportedKernels().front();
      for (const Kernels* kernels : AllSupportedKernels()) {
        const double got = kernels->SquaredNorm(values.data(), dtype, count);
        const double got_dot = kernels->Dot(x.data(), y.data(), count);
        ASSERT_NEAR(got, norm, 1e-13 * norm) << kernels->Name() << ' ' << count;
        ASSERT_NEAR(got_dot, dot, 1e-13 * count) << kernels->Name() << ' ' << count;
        if (kernels == &ReferenceKernels()) continue;
        ASSERT_EQ(got, best.SquaredNorm(values.data(), dtype, count)) << kernels->Name() << ' ' << count;
        ASSERT_EQ(got_dot, best.Dot(x.data(), y.data(), count)) << kernels->Name() << ' ' << count;
      }
    }
  }
}

}  // namespace
}  // namespace downpour
