// This file is compiled once per instruction set: foreach_target.h includes it again for each but the last.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/simd/simd_kernels.cc"

#include "kernels/simd/simd_kernels.h"

#include <vector>

#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "kernels/simd/convert-inl.h"
#include "kernels/simd/linear-inl.h"
#include "kernels/simd/reduce-inl.h"
#include "kernels/simd/update-inl.h"

HWY_BEFORE_NAMESPACE();
namespace downpour {
namespace HWY_NAMESPACE {

class SimdKernels final : public Kernels {
 public:
  const char* Name() const override {
    return HWY_TARGET == HWY_AVX3 ? "avx512" : HWY_TARGET == HWY_AVX2 ? "avx2" : "sse4";
  }

  using Kernels::Update;
  void Update(UpdateRule rule, const UpdateScalars& scalars, const UpdateArrays& arrays,
              LambNorms* norms) const override {
    UpdateRun(rule, scalars, arrays, norms);
  }
  bool AllFinite(const std::byte* values, DType dtype, size_t count) const override {
    return AllFiniteRun(values, dtype, count);
  }
  void AddSquaredNorm(const std::byte* values, DType dtype, size_t count, double* sum) const override {
    ForDType<SquaredNormBody>(dtype, values, count, sum);
  }
  double Dot(const float* x, const float* y, size_t count) const override {
    double sum = 0;
    AddProductsRun<DType::kFloat32>(reinterpret_cast<const std::byte*>(x), reinterpret_cast<const std::byte*>(y), count,
                                    &sum);
    return sum;
  }
  void Axpy(float a, const float* x, float* y, size_t count) const override { AxpyRun(a, x, y, count); }
  void Scale(float a, float* x, size_t count) const override { ScaleRun(a, x, x, count); }
  void SumOfN(absl::Span<const FloatInput> inputs, float scale, float* sum, size_t count) const override {
    SumRun(inputs, scale, sum, count);
  }
  void ToFloat(const std::byte* values, DType dtype, float* floats, size_t count) const override {
    ForDType<ToFloatBody>(dtype, values, floats, count);
  }
  void FromFloat(const float* floats, DType dtype, std::byte* values, size_t count) const override {
    ForDType<FromFloatBody>(dtype, floats, values, count);
  }
};

const Kernels& Instance() {
  static constexpr SimdKernels kernels;
  return kernels;
}

}  // namespace HWY_NAMESPACE
}  // namespace downpour
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace downpour {

absl::Span<const Kernels* const> SupportedSimdKernels() {
  static const auto* const supported = [] {
    auto* const kernels = new std::vector<const Kernels*>;
    const auto targets = hwy::SupportedTargets();
#if HWY_TARGETS & HWY_AVX3
    if (targets & HWY_AVX3) kernels->push_back(&N_AVX3::Instance());
#endif
#if HWY_TARGETS & HWY_AVX2
    if (targets & HWY_AVX2) kernels->push_back(&N_AVX2::Instance());
#endif
#if HWY_TARGETS & HWY_SSE4
    if (targets & HWY_SSE4) kernels->push_back(&N_SSE4::Instance());
#endif
    return kernels;
  }();
  return *supported;
}

}  // namespace downpour

#endif  // HWY_ONCE
