#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "kernels/update_case.h"

namespace downpour {
namespace {

using testing::AllUpdateCases;
using testing::kFloatDTypes;
using testing::UpdateCase;
using testing::UpdateFixture;

// Of the largest operand (inputs are about 1): the float32 pass rounds each operation, the oracle only at the end.
constexpr double kTolerance = 5e-7;

std::vector<size_t> Counts() {
  std::vector<size_t> counts(131);
  std::iota(counts.begin(), counts.end(), 0);
  counts.insert(counts.end(), {255, 256, 257, 1027});
  return counts;
}

UpdateFixture Updated(const Kernels& kernels, const UpdateCase& c, DType dtype, size_t count, bool in_place) {
  UpdateFixture fixture(c, dtype, count, in_place);
  kernels.Update(c.rule, c.scalars, fixture.Arrays(), &fixture.norms);
  return fixture;
}

void ExpectNear(const UpdateFixture& actual, const UpdateFixture& expected) {
  const auto got = actual.Outputs();
  const auto want = expected.Outputs();
  for (size_t k = 0; k < got.size(); ++k) {
    for (size_t i = 0; i < got[k].values->size(); ++i) {
      const double value = (*want[k].values)[i];
      const double size = std::max({std::fabs(value), std::fabs(double{(*got[k].before)[i]}), 1.0});
      ASSERT_NEAR((*got[k].values)[i], value, kTolerance * size) << got[k].name << " of element " << i;
    }
  }
  EXPECT_NEAR(actual.norms.weight_squared, expected.norms.weight_squared, 1e-12 * expected.norms.weight_squared);
  EXPECT_NEAR(actual.norms.update_squared, expected.norms.update_squared, 1e-6 * expected.norms.update_squared);
}

void ExpectSameBits(const UpdateFixture& actual, const UpdateFixture& expected) {
  const auto got = actual.Outputs();
  const auto want = expected.Outputs();
  ASSERT_EQ(got.size(), want.size());
  for (size_t k = 0; k < got.size(); ++k) EXPECT_TRUE(*got[k].values == *want[k].values) << got[k].name;
  EXPECT_EQ(actual.norms.weight_squared, expected.norms.weight_squared);
  EXPECT_EQ(actual.norms.update_squared, expected.norms.update_squared);
}

class UpdateTest : public ::testing::TestWithParam<UpdateCase> {};

TEST_P(UpdateTest, AgreesWithTheReferenceAndBitForBitBetweenLevels) {
  for (const DType dtype : kFloatDTypes) {
    for (const size_t count : Counts()) {
      for (const bool in_place : {true, false}) {
        if (!in_place && dtype != DType::kFloat32) continue;  // where it is written has nothing to do with the gradient
        const UpdateFixture expected = Updated(ReferenceKernels(), GetParam(), dtype, count, in_place);
        std::optional<UpdateFixture> first;
        for (const Kernels* kernels : AllSupportedKernels()) {
          SCOPED_TRACE(::testing::Message() << kernels->Name() << ", " << DTypeName(dtype) << ", " << count
                                            << (in_place ? " in place" : " into a fresh block"));
          const UpdateFixture actual = Updated(*kernels, GetParam(), dtype, count, in_place);
          EXPECT_TRUE(actual.NothingElseWasWritten());
          ExpectNear(actual, expected);
          if (kernels == &ReferenceKernels()) continue;
          if (first.has_value()) ExpectSameBits(actual, *first);
          if (!first.has_value()) first.emplace(actual);
          if (HasFailure()) return;
        }
      }
    }
  }
}

TEST_P(UpdateTest, GivesTheSameBitsInPlaceAndIntoAFreshBlock) {
  for (const Kernels* kernels : AllSupportedKernels()) {
    SCOPED_TRACE(kernels->Name());
    const UpdateFixture fresh = Updated(*kernels, GetParam(), DType::kFloat32, 1003, false);
    const UpdateFixture in_place = Updated(*kernels, GetParam(), DType::kFloat32, 1003, true);
    ExpectSameBits(in_place, fresh);
  }
}

TEST_P(UpdateTest, GivesTheSameBitsInPartsThatAreMultiplesOfTheSumGroup) {
  const UpdateCase& c = GetParam();
  for (const Kernels* kernels : AllSupportedKernels()) {
    SCOPED_TRACE(kernels->Name());
    const UpdateFixture whole = Updated(*kernels, c, DType::kBFloat16, 1003, true);
    UpdateFixture parts(c, DType::kBFloat16, 1003, true);
    const UpdateArrays arrays = parts.Arrays();
    kernels->Update(c.rule, c.scalars, Part(arrays, 0, 2 * kSumGroup), &parts.norms);
    kernels->Update(c.rule, c.scalars, Part(arrays, 2 * kSumGroup, kSumGroup), &parts.norms);
    kernels->Update(c.rule, c.scalars, Part(arrays, 3 * kSumGroup, 1003 - 3 * kSumGroup), &parts.norms);
    ExpectSameBits(parts, whole);
  }
}

INSTANTIATE_TEST_SUITE_P(AllRules, UpdateTest, ::testing::ValuesIn(AllUpdateCases()),
                         [](const ::testing::TestParamInfo<UpdateCase>& info) {
                           std::string name = info.param.name;
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

// What the formulas of update.h give for one element, worked out by hand, so that the oracle has an oracle.
TEST(ReferenceUpdateTest, TakesOneAdamWStepAsWorkedOutByHand) {
  UpdateScalars s;
  s.rate = 0.5f;
  s.gradient_scale = 0.5f;
  s.clip_value = 1;
  s.decay_factor = 0.75f;
  s.beta1 = 0.5;
  s.beta2 = 0.75;
  s.epsilon = 0.5f;
  s.denominator_scale = 2;
  s.average_decay = 0.25;
  const float gradient = 6;  // scaled 3, clipped 1
  float weight = 4, first = 3, second = 1, average = 8;
  UpdateArrays a;
  a.gradient = reinterpret_cast<const std::byte*>(&gradient);
  a.weight_in = a.weight_out = &weight;
  a.slot_in = {&first, &second};
  a.slot_out = {&first, &second};
  a.average_in = a.average_out = &average;
  a.count = 1;
  ReferenceKernels().Update(UpdateRule::kAdam, s, a);
  EXPECT_EQ(first, 2);                           // 0.5 * 3 + 0.5 * 1
  EXPECT_EQ(second, 1);                          // 0.75 * 1 + 0.25 * 1
  EXPECT_FLOAT_EQ(weight, 3 - 0.5f * 2 / 2.5f);  // 0.75 * 4 - rate * 2 / (1 * 2 + 0.5)
  EXPECT_FLOAT_EQ(average, 0.25f * 8 + 0.75f * weight);
}

// 1 - 0.999f is 1.3e-5 away from 0.001, so the complement must come from the double.
TEST(UpdatePrecisionTest, AFirstMomentAndSquareAreRightToAFewUlpFromZero) {
  UpdateScalars s;
  s.beta1 = 0.9999;
  s.beta2 = 0.999;
  s.epsilon = 1;
  const float gradient[3] = {0.3f, -0.7f, 5};
  for (const Kernels* kernels : AllSupportedKernels()) {
    float weight[3] = {}, first[3] = {}, second[3] = {};
    UpdateArrays a;
    a.gradient = reinterpret_cast<const std::byte*>(gradient);
    a.weight_in = a.weight_out = weight;
    a.slot_in = {first, second};
    a.slot_out = {first, second};
    a.count = 3;
    kernels->Update(UpdateRule::kAdam, s, a);
    for (int i = 0; i < 3; ++i) {
      const double g = gradient[i];
      EXPECT_NEAR(first[i], 1e-4 * g, 2e-7 * std::fabs(1e-4 * g)) << kernels->Name();
      EXPECT_NEAR(second[i], 1e-3 * g * g, 2e-7 * 1e-3 * g * g) << kernels->Name();
    }
  }
}

TEST(ReferenceUpdateTest, CompensatesTheDelayBeforeTheDecay) {
  UpdateScalars s;
  s.rate = 1;
  s.delay_lambda = 0.5f;
  s.weight_decay = 0.25f;
  const float gradient = 2, pulled = 3;
  float weight = 4;
  UpdateArrays a;
  a.gradient = reinterpret_cast<const std::byte*>(&gradient);
  a.weight_in = a.weight_out = &weight;
  a.weight_pulled = &pulled;
  a.count = 1;
  ReferenceKernels().Update(UpdateRule::kSgd, s, a);
  EXPECT_EQ(weight, 4 - (2 + 0.5f * 4 * 1 + 0.25f * 4));
}

}  // namespace
}  // namespace downpour
