#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/nn/reference/topics.h"

namespace downpour::nn {
namespace {

class Reference final : public NormalizationKernels {
 public:
  void BatchNormForward(const BatchNorm& norm, const float* x, float* mean, float* variance, float* y) const override {
    const double rows = static_cast<double>(norm.rows);
    for (size_t c = 0; c < norm.channels; ++c) {
      double sum = 0;
      for (size_t r = 0; r < norm.rows; ++r) sum += x[r * norm.channels + c];
      double squares = 0;
      for (size_t r = 0; r < norm.rows; ++r) squares += std::pow(x[r * norm.channels + c] - sum / rows, 2);
      mean[c] = static_cast<float>(sum / rows);
      variance[c] = static_cast<float>(squares / rows);
    }
    BatchNormInference(norm, x, mean, variance, y);
  }

  void BatchNormInference(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                          float* y) const override {
    for (size_t i = 0; i < norm.rows * norm.channels; ++i) y[i] = Output(norm, x, mean, variance, i);
  }

  void BatchNormBackward(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                         const float* dy, float* dx, float* dgamma, float* dbeta) const override {
    const double rows = static_cast<double>(norm.rows);
    for (size_t c = 0; c < norm.channels; ++c) {
      const double inverse = 1 / std::sqrt(double{variance[c]} + norm.epsilon);
      std::vector<double> gradients(norm.rows);
      double sum = 0;
      double products = 0;
      for (size_t r = 0; r < norm.rows; ++r) {
        const size_t i = r * norm.channels + c;
        gradients[r] = norm.relu && !(Output(norm, x, mean, variance, i) > 0) ? 0 : dy[i];
        sum += gradients[r];
        products += gradients[r] * (double{x[i]} - mean[c]) * inverse;
      }
      dgamma[c] = static_cast<float>(products);
      dbeta[c] = static_cast<float>(sum);
      for (size_t r = 0; r < norm.rows && dx != nullptr; ++r) {
        const size_t i = r * norm.channels + c;
        const double normalised = (double{x[i]} - mean[c]) * inverse;
        dx[i] =
            static_cast<float>(norm.gamma[c] * inverse * (gradients[r] - sum / rows - normalised * products / rows));
      }
    }
  }

  void LayerNormForward(size_t rows, size_t channels, float epsilon, const float* gamma, const float* beta,
                        const float* x, float* mean, float* inverse, float* y) const override {
    const double count = static_cast<double>(channels);
    for (size_t r = 0; r < rows; ++r, x += channels, y += channels) {
      double sum = 0;
      for (size_t c = 0; c < channels; ++c) sum += x[c];
      double squares = 0;
      for (size_t c = 0; c < channels; ++c) squares += std::pow(x[c] - sum / count, 2);
      mean[r] = static_cast<float>(sum / count);
      inverse[r] = static_cast<float>(1 / std::sqrt(squares / count + epsilon));
      for (size_t c = 0; c < channels; ++c) {
        y[c] = static_cast<float>((double{x[c]} - mean[r]) * inverse[r] * gamma[c] + beta[c]);
      }
    }
  }

  void LayerNormBackward(size_t rows, size_t channels, const float* gamma, const float* x, const float* mean,
                         const float* inverse, const float* dy, float* dx, float* dgamma, float* dbeta) const override {
    const double count = static_cast<double>(channels);
    std::vector<double> dgammas(channels);
    std::vector<double> dbetas(channels);
    for (size_t r = 0; r < rows; ++r) {
      const size_t row = r * channels;
      const auto normalised = [&](size_t c) { return (double{x[row + c]} - mean[r]) * inverse[r]; };
      double sum = 0;
      double products = 0;
      for (size_t c = 0; c < channels; ++c) {
        dgammas[c] += dy[row + c] * normalised(c);
        dbetas[c] += dy[row + c];
        sum += double{dy[row + c]} * gamma[c];
        products += double{dy[row + c]} * gamma[c] * normalised(c);
      }
      for (size_t c = 0; c < channels && dx != nullptr; ++c) {
        const double gradient = double{dy[row + c]} * gamma[c] - sum / count - normalised(c) * products / count;
        dx[row + c] = static_cast<float>(inverse[r] * gradient);
      }
    }
    std::copy(dgammas.begin(), dgammas.end(), dgamma);
    std::copy(dbetas.begin(), dbetas.end(), dbeta);
  }

 private:
  static float Output(const BatchNorm& norm, const float* x, const float* mean, const float* variance, size_t i) {
    const size_t c = i % norm.channels;
    const double inverse = 1 / std::sqrt(double{variance[c]} + norm.epsilon);
    const double y = (double{x[i]} - mean[c]) * inverse * norm.gamma[c] + norm.beta[c];
    return static_cast<float>(norm.relu ? std::max(0.0, y) : y);
  }
};

}  // namespace

const NormalizationKernels& ReferenceNormalization() {
  static constexpr Reference kernels;
  return kernels;
}

}  // namespace downpour::nn
