#include <algorithm>
#include <cmath>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

void Forward(const SigmoidCrossEntropy& op, ForwardMath& math) {
  *math.loss = {};
  const double share = op.weight / static_cast<double>(math.batch * op.elements);
  for (int64_t n = 0; n < math.batch; ++n) {
    bool correct = true;
    for (int64_t i = n * op.elements; i < (n + 1) * op.elements; ++i) {
      const double x = math.inputs[0].real[i], label = math.inputs[1].real[i];
      math.loss->loss += share * (std::max(x, 0.0) - x * label + std::log1p(std::exp(-std::abs(x))));
      correct = correct && (x > 0) == (label > 0.5);
    }
    math.loss->correct += correct ? 1 : 0;
  }
}

void Backward(const SigmoidCrossEntropy& op, BackwardMath& math) {
  if (math.input_gradients[0].empty()) return;
  const double share = op.weight / static_cast<double>(math.batch * op.elements);
  for (size_t i = 0; i < math.input_gradients[0].size(); ++i) {
    const double x = math.inputs[0].real[i];
    const double sigmoid = x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
    math.input_gradients[0][i] += share * (sigmoid - math.inputs[1].real[i]);
  }
}

}  // namespace downpour::reference
