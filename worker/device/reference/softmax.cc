#include <algorithm>
#include <cmath>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

void Forward(const Softmax& op, ForwardMath& math) {
  for (int64_t row = 0; row < math.batch * op.rows; ++row) {
    const double* const x = &math.inputs[0].real[row * op.width];
    double* const y = &math.output[row * op.width];
    const double largest = *std::max_element(x, x + op.width);
    double sum = 0;
    for (int64_t i = 0; i < op.width; ++i) sum += y[i] = std::exp(x[i] - largest);
    for (int64_t i = 0; i < op.width; ++i) y[i] /= sum;
  }
}

void Backward(const Softmax& op, BackwardMath& math) {
  for (int64_t row = 0; row < math.batch * op.rows; ++row) {
    const double* const y = &math.output[row * op.width];
    const double* const dy = &math.output_gradient[row * op.width];
    double* const dx = &math.input_gradients[0][row * op.width];
    double sum = 0;
    for (int64_t i = 0; i < op.width; ++i) sum += y[i] * dy[i];
    for (int64_t i = 0; i < op.width; ++i) dx[i] += y[i] * (dy[i] - sum);
  }
}

}  // namespace downpour::reference
