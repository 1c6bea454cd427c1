#ifndef DOWNPOUR_KERNELS_NN_TEST_TENSORS_H_
#define DOWNPOUR_KERNELS_NN_TEST_TENSORS_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/nn/nn_kernels.h"
#include "kernels/test_arrays.h"

// What the tests of this package compare and with what.

namespace downpour::nn::testing {

using downpour::testing::GuardedFloats;
using downpour::testing::NormalFloats;

// A workspace of `count` floats, aligned to 64 bytes, between guard zones, full of NaN.
class Workspace {
 public:
  explicit Workspace(size_t count)
      : count_(count), floats_(static_cast<float*>(operator new((count + 2 * kGuard) * sizeof(float), kAlignment))) {
    std::fill_n(floats_.get(), count + 2 * kGuard, std::numeric_limits<float>::quiet_NaN());
  }

  float* data() { return floats_.get() + kGuard; }

  bool GuardsAreWhole() const {
    const float* const end = floats_.get() + kGuard + count_;
    const auto is_nan = [](float value) { return std::isnan(value); };
    return std::all_of(floats_.get(), floats_.get() + kGuard, is_nan) && std::all_of(end, end + kGuard, is_nan);
  }

 private:
  static constexpr size_t kGuard = 64;
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* floats) const { operator delete(floats, kAlignment); }
  };

  size_t count_;
  std::unique_ptr<float, Free> floats_;
};

// The largest difference, as a share of the largest expected value; infinite where something is not finite, or where a
// guard zone was written.
inline double RelativeError(const GuardedFloats& got, const GuardedFloats& want) {
  if (!got.GuardsAreWhole() || got.size() != want.size()) return std::numeric_limits<double>::infinity();
  double largest = 1e-30;
  double error = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    if (!std::isfinite(got[i])) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, std::abs(double{want[i]}));
    error = std::max(error, std::abs(double{got[i]} - double{want[i]}));
  }
  return error / largest;
}

// The SIMD levels of this machine: all but the reference.
inline std::vector<const NnKernels*> SimdLevels() {
  const auto all = AllSupportedNnKernels();
  return {all.begin(), all.end() - 1};
}

}  // namespace downpour::nn::testing

#endif  // DOWNPOUR_KERNELS_NN_TEST_TENSORS_H_
