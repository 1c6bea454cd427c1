#include "kernels/reference/reference_kernels.h"

namespace downpour::reference {

void Axpy(float a, const float* x, float* y, size_t count) {
  for (size_t i = 0; i < count; ++i) y[i] = static_cast<float>(double{y[i]} + double{a} * double{x[i]});
}

void Scale(float a, float* x, size_t count) {
  for (size_t i = 0; i < count; ++i) x[i] = a * x[i];
}

void SumOfN(absl::Span<const FloatInput> inputs, float scale, float* sum, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    double total = 0;
    for (const FloatInput& input : inputs) total += LoadElement(input, i);
    sum[i] = static_cast<float>(scale * total);
  }
}

}  // namespace downpour::reference
