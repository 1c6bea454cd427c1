#include <algorithm>
#include <cmath>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

// bias + alpha * the sum of squares around channel c.
double Scale(const Lrn& op, const double* x, int64_t c) {
  double sum = 0;
  for (int64_t i = std::max<int64_t>(0, c - op.radius); i <= std::min(op.channels - 1, c + op.radius); ++i) {
    sum += x[i] * x[i];
  }
  return op.bias + op.alpha * sum;
}

}  // namespace

void Forward(const Lrn& op, ForwardMath& math) {
  for (int64_t p = 0; p < math.batch * op.positions; ++p) {
    const double* const x = &math.inputs[0].real[p * op.channels];
    for (int64_t c = 0; c < op.channels; ++c) {
      math.output[p * op.channels + c] = x[c] * std::pow(Scale(op, x, c), -op.beta);
    }
  }
}

void Backward(const Lrn& op, BackwardMath& math) {
  for (int64_t p = 0; p < math.batch * op.positions; ++p) {
    const double* const x = &math.inputs[0].real[p * op.channels];
    const double* const dy = &math.output_gradient[p * op.channels];
    double* const dx = &math.input_gradients[0][p * op.channels];
    for (int64_t c = 0; c < op.channels; ++c) {
      const double scale = Scale(op, x, c);
      dx[c] += dy[c] * std::pow(scale, -op.beta);
      const double through = -2 * op.alpha * op.beta * dy[c] * x[c] * std::pow(scale, -op.beta - 1);
      for (int64_t i = std::max<int64_t>(0, c - op.radius); i <= std::min(op.channels - 1, c + op.radius); ++i) {
        dx[i] += through * x[i];
      }
    }
  }
}

}  // namespace downpour::reference
