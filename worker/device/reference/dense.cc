#include "worker/device/reference/op_math.h"

namespace downpour::reference {

void Forward(const Dense& op, ForwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;  // [batch, inputs]
  const std::span<const double> w = math.parameters[0];   // [inputs, units]
  for (int64_t n = 0; n < math.batch; ++n) {
    double* const y = &math.output[n * op.units];
    for (int64_t j = 0; j < op.units; ++j) y[j] = op.has_bias ? math.parameters[1][j] : 0;
    for (int64_t i = 0; i < op.inputs; ++i) {
      for (int64_t j = 0; j < op.units; ++j) y[j] += x[n * op.inputs + i] * w[i * op.units + j];
    }
  }
}

void Backward(const Dense& op, BackwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;
  const std::span<const double> w = math.parameters[0];
  const std::span<double> dx = math.input_gradients[0];
  const std::span<double> dw = math.parameter_gradients[0];
  for (int64_t n = 0; n < math.batch; ++n) {
    const double* const dy = &math.output_gradient[n * op.units];
    for (int64_t i = 0; i < op.inputs; ++i) {
      for (int64_t j = 0; j < op.units; ++j) {
        dw[i * op.units + j] += x[n * op.inputs + i] * dy[j];
        if (!dx.empty()) dx[n * op.inputs + i] += w[i * op.units + j] * dy[j];
      }
    }
    if (!op.has_bias) continue;
    for (int64_t j = 0; j < op.units; ++j) math.parameter_gradients[1][j] += dy[j];
  }
}

}  // namespace downpour::reference
