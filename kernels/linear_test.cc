#include <algorithm>
#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "kernels/test_arrays.h"

namespace downpour {
namespace {

using testing::GuardedFloats;
using testing::kFloatDTypes;
using testing::NormalFloats;
using testing::PackedFloats;

// Runs `operation(kernels)` on every level: near the reference's result, the same bits at all others.
template <typename Operation>
void ExpectAgreement(Operation operation, double tolerance) {
  const GuardedFloats expected = operation(ReferenceKernels());
  const GuardedFloats best = operation(*AllSupportedKernels().front());
  for (const Kernels* kernels : AllSupportedKernels()) {
    const GuardedFloats actual = operation(*kernels);
    ASSERT_TRUE(actual.GuardsAreWhole()) << kernels->Name();
    for (size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], tolerance) << kernels->Name();
    if (kernels == &ReferenceKernels()) continue;
    ASSERT_TRUE(actual == best) << kernels->Name();
  }
}

TEST(LinearTest, AxpyAndScaleAgreeForEverySize) {
  for (size_t count = 0; count <= 130; ++count) {
    SCOPED_TRACE(count);
    const std::vector<float> x = NormalFloats(count, 1);
    const std::vector<float> y = NormalFloats(count, 2);
    const auto axpy = [&](const Kernels& kernels) {
      GuardedFloats result(y);
      kernels.Axpy(0.3f, x.data(), result.data(), count);
      return result;
    };
    const auto scale = [&](const Kernels& kernels) {
      GuardedFloats result(x);
      kernels.Scale(0.3f, result.data(), count);
      return result;
    };
    ExpectAgreement(axpy, 5e-7);
    ExpectAgreement(scale, 0);
  }
}

TEST(SumOfNTest, AddsInputsOfEveryTypeAndAlignment) {
  for (const size_t inputs_count : {1, 2, 3, 7}) {
    for (size_t count = 0; count <= 3000; count += count < 130 ? 1 : 287) {
      SCOPED_TRACE(count);
      std::vector<PackedFloats> packed;
      std::vector<FloatInput> inputs;
      for (size_t k = 0; k < inputs_count; ++k) {
        packed.emplace_back(NormalFloats(count, static_cast<uint32_t>(k)), kFloatDTypes[k % 3], k + 1);
      }
      for (const PackedFloats& values : packed) inputs.push_back(values.input());
      const auto sum = [&](const Kernels& kernels) {
        GuardedFloats result(count);
        kernels.SumOfN(inputs, 0.25f, result.data(), count);
        return result;
      };
      ExpectAgreement(sum, 1e-6);
    }
  }
}

TEST(SumOfNTest, AddsToItsFirstInputInPlace) {
  for (const Kernels* kernels : AllSupportedKernels()) {
    const std::vector<float> ones(2500, 1.0f);
    const PackedFloats twos(std::vector<float>(2500, 2.0f), DType::kBFloat16, 1);
    GuardedFloats sum(ones);
    const FloatInput inputs[] = {{reinterpret_cast<const std::byte*>(sum.data()), DType::kFloat32}, twos.input()};
    kernels->SumOfN(inputs, 2, sum.data(), sum.size());
    EXPECT_TRUE(sum == GuardedFloats(std::vector<float>(2500, 6.0f))) << kernels->Name();
  }
}

TEST(SumOfNTest, GivesZerosForNoInputs) {
  for (const Kernels* kernels : AllSupportedKernels()) {
    GuardedFloats sum(37);
    kernels->SumOfN({}, 2, sum.data(), sum.size());
    EXPECT_TRUE(sum == GuardedFloats(std::vector<float>(37, 0.0f))) << kernels->Name();
  }
}

}  // namespace
}  // namespace downpour
