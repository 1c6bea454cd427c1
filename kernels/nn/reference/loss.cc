#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/nn/reference/topics.h"

namespace downpour::nn {
namespace {

double Target(const LossKernels::Targets& targets, size_t row, size_t c, size_t classes) {
  const double sharp = targets.labels != nullptr ? (static_cast<size_t>(targets.labels[row]) == c ? 1.0 : 0.0)
                                                 : double{targets.distribution[row * classes + c]};
  return (1 - double{targets.smoothing}) * sharp + double{targets.smoothing} / static_cast<double>(classes);
}

// The logarithms of the softmax of a row.
std::vector<double> LogSoftmax(const float* x, size_t classes) {
  const double largest = *std::max_element(x, x + classes);
  double sum = 0;
  for (size_t c = 0; c < classes; ++c) sum += std::exp(x[c] - largest);
  std::vector<double> logarithms(classes);
  for (size_t c = 0; c < classes; ++c) logarithms[c] = x[c] - largest - std::log(sum);
  return logarithms;
}

class Reference final : public LossKernels {
 public:
  void SoftmaxForward(size_t rows, size_t classes, const float* x, float* y) const override {
    for (size_t r = 0; r < rows; ++r) {
      const std::vector<double> logarithms = LogSoftmax(x + r * classes, classes);
      for (size_t c = 0; c < classes; ++c) y[r * classes + c] = static_cast<float>(std::exp(logarithms[c]));
    }
  }
  void SoftmaxBackward(size_t rows, size_t classes, const float* y, const float* dy, float* dx) const override {
    for (size_t r = 0; r < rows; ++r, y += classes, dy += classes, dx += classes) {
      double sum = 0;
      for (size_t c = 0; c < classes; ++c) sum += double{dy[c]} * y[c];
      for (size_t c = 0; c < classes; ++c) dx[c] = static_cast<float>(y[c] * (dy[c] - sum));
    }
  }

  void CrossEntropyForward(size_t rows, size_t classes, const float* x, const Targets& targets, float* losses,
                           float* probabilities) const override {
    for (size_t r = 0; r < rows; ++r) {
      const std::vector<double> logarithms = LogSoftmax(x + r * classes, classes);
      double loss = 0;
      for (size_t c = 0; c < classes; ++c) {
        loss -= Target(targets, r, c, classes) * logarithms[c];
        probabilities[r * classes + c] = static_cast<float>(std::exp(logarithms[c]));
      }
      losses[r] = static_cast<float>(loss);
    }
  }
  void CrossEntropyBackward(size_t rows, size_t classes, const float* probabilities, const Targets& targets,
                            float scale, float* dx) const override {
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < classes; ++c) {
        const size_t i = r * classes + c;
        dx[i] = static_cast<float>(scale * (probabilities[i] - Target(targets, r, c, classes)));
      }
    }
  }
};

}  // namespace

const LossKernels& ReferenceLoss() {
  static constexpr Reference kernels;
  return kernels;
}

}  // namespace downpour::nn
