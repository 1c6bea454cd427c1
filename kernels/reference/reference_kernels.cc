#include "kernels/reference/reference_kernels.h"

namespace downpour {
namespace {

class Reference final : public Kernels {
 public:
  const char* Name() const override { return "scalar"; }

  using Kernels::Update;
  void Update(UpdateRule rule, const UpdateScalars& scalars, const UpdateArrays& arrays,
              LambNorms* norms) const override {
    reference::Update(rule, scalars, arrays, norms);
  }
  bool AllFinite(const std::byte* values, DType dtype, size_t count) const override {
    return reference::AllFinite({values, dtype}, count);
  }
  void AddSquaredNorm(const std::byte* values, DType dtype, size_t count, double* sum) const override {
    reference::AddSquaredNorm({values, dtype}, count, sum);
  }
  double Dot(const float* x, const float* y, size_t count) const override { return reference::Dot(x, y, count); }
  void Axpy(float a, const float* x, float* y, size_t count) const override { reference::Axpy(a, x, y, count); }
  void Scale(float a, float* x, size_t count) const override { reference::Scale(a, x, count); }
  void SumOfN(absl::Span<const FloatInput> inputs, float scale, float* sum, size_t count) const override {
    reference::SumOfN(inputs, scale, sum, count);
  }
  void ToFloat(const std::byte* values, DType dtype, float* floats, size_t count) const override {
    reference::ToFloat({values, dtype}, floats, count);
  }
  void FromFloat(const float* floats, DType dtype, std::byte* values, size_t count) const override {
    reference::FromFloat(floats, dtype, values, count);
  }
};

}  // namespace

const Kernels& ReferenceKernels() {
  static const Reference kernels;
  return kernels;
}

}  // namespace downpour
