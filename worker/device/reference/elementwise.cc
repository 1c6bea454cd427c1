#include "worker/device/reference/op_math.h"

namespace downpour::reference {

void Forward(const Elementwise& op, ForwardMath& math) {
  for (size_t i = 0; i < math.output.size(); ++i) {
    double result = math.inputs[0].real[i];
    for (size_t k = 1; k < math.inputs.size(); ++k) {
      const double x = math.inputs[k].real[i];
      result = op.kind == Elementwise::Kind::kAdd ? result + x : result * x;
    }
    math.output[i] = result;
  }
}

void Backward(const Elementwise& op, BackwardMath& math) {
  for (size_t k = 0; k < math.input_gradients.size(); ++k) {
    if (math.input_gradients[k].empty()) continue;
    for (size_t i = 0; i < math.output_gradient.size(); ++i) {
      double factor = 1;
      if (op.kind == Elementwise::Kind::kMultiply) {
        for (size_t other = 0; other < math.inputs.size(); ++other) {
          if (other != k) factor *= math.inputs[other].real[i];
        }
      }
      math.input_gradients[k][i] += factor * math.output_gradient[i];
    }
  }
}

}  // namespace downpour::reference
