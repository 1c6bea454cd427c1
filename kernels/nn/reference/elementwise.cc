#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "common/base/philox.h"
#include "kernels/nn/reference/topics.h"

namespace downpour::nn {
namespace {

double Forward(Activation kind, double slope, double x) {
  switch (kind) {
    case Activation::kRelu:
      return x > 0 ? x : 0;
    case Activation::kLeakyRelu:
      return x > 0 ? x : slope * x;
    case Activation::kTanh:
      return std::tanh(x);
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kGelu:
      return x * 0.5 * std::erfc(-x * M_SQRT1_2);
  }
  return 0;
}

// The derivative, from the output (of gelu: from the input).
double Derivative(Activation kind, double slope, double saved) {
  switch (kind) {
    case Activation::kRelu:
      return saved > 0 ? 1 : 0;
    case Activation::kLeakyRelu:
      return saved > 0 ? 1 : slope;
    case Activation::kTanh:
      return 1 - saved * saved;
    case Activation::kSigmoid:
      return saved * (1 - saved);
    case Activation::kGelu:
      return 0.5 * std::erfc(-saved * M_SQRT1_2) +
             saved * std::exp(-0.5 * saved * saved) * 0.5 * M_SQRT1_2 * M_2_SQRTPI;
  }
  return 0;
}

class Reference final : public ElementwiseKernels {
 public:
  void ActivationForward(Activation kind, float slope, const float* x, float* y, size_t count) const override {
    for (size_t i = 0; i < count; ++i) y[i] = static_cast<float>(Forward(kind, slope, x[i]));
  }
  void ActivationBackward(Activation kind, float slope, const float* saved, const float* dy, float* dx,
                          size_t count) const override {
    for (size_t i = 0; i < count; ++i) dx[i] = static_cast<float>(dy[i] * Derivative(kind, slope, saved[i]));
  }

  void Add(const float* a, const float* b, float* y, size_t count) const override {
    for (size_t i = 0; i < count; ++i) y[i] = a[i] + b[i];
  }
  void AddRelu(const float* a, const float* b, float* y, size_t count) const override {
    for (size_t i = 0; i < count; ++i) y[i] = std::max(0.0f, a[i] + b[i]);
  }
  void Multiply(const float* a, const float* b, float* y, size_t count) const override {
    for (size_t i = 0; i < count; ++i) y[i] = a[i] * b[i];
  }
  void Scale(float factor, const float* x, float* y, size_t count) const override {
    for (size_t i = 0; i < count; ++i) y[i] = factor * x[i];
  }

  void AddBias(size_t rows, size_t channels, const float* x, const float* bias, bool relu, float* y) const override {
    for (size_t i = 0; i < rows * channels; ++i) {
      const float sum = x[i] + bias[i % channels];
      y[i] = relu ? std::max(0.0f, sum) : sum;
    }
  }
  void BiasGradient(size_t rows, size_t channels, const float* dy, float* dbias) const override {
    std::vector<double> sums(channels);
    for (size_t i = 0; i < rows * channels; ++i) sums[i % channels] += dy[i];
    std::copy(sums.begin(), sums.end(), dbias);
  }

  double Sum(const float* x, size_t count) const override {
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += x[i];
    return sum;
  }

  void Dropout(double rate, DropoutKey key, uint64_t first, const float* x, float* y, size_t count) const override {
    const uint32_t threshold = static_cast<uint32_t>(rate * 0x1p32);
    const float scale = static_cast<float>(1 / (1 - rate));
    for (size_t i = 0; i < count; ++i) {
      const uint64_t element = first + i;
      const uint64_t block = element / 4;
      const std::array<uint32_t, 4> words =
          Philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                      static_cast<uint32_t>(key.stream), static_cast<uint32_t>(key.stream >> 32)},
                     {static_cast<uint32_t>(key.seed), static_cast<uint32_t>(key.seed >> 32)});
      y[i] = words[element % 4] >= threshold ? x[i] * scale : 0.0f;
    }
  }
};

}  // namespace

const ElementwiseKernels& ReferenceElementwise() {
  static constexpr Reference kernels;
  return kernels;
}

}  // namespace downpour::nn
