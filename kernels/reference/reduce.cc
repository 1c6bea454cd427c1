#include <cmath>

#include "kernels/reference/reference_kernels.h"

namespace downpour::reference {

bool AllFinite(const FloatInput& input, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (!std::isfinite(LoadElement(input, i))) return false;
  }
  return true;
}

void AddSquaredNorm(const FloatInput& input, size_t count, double* sum) {
  for (size_t i = 0; i < count; ++i) {
    const double value = LoadElement(input, i);
    *sum += value * value;
  }
}

double Dot(const float* x, const float* y, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += double{x[i]} * double{y[i]};
  return sum;
}

}  // namespace downpour::reference
