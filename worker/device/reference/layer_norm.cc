#include <cmath>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

struct Row {
  double mean = 0;
  double deviation = 0;  // the root of variance and epsilon
};

Row Measure(const LayerNorm& op, const double* x) {
  Row row;
  double variance = 0;
  for (int64_t i = 0; i < op.width; ++i) row.mean += x[i] / static_cast<double>(op.width);
  for (int64_t i = 0; i < op.width; ++i)
    variance += (x[i] - row.mean) * (x[i] - row.mean) / static_cast<double>(op.width);
  row.deviation = std::sqrt(variance + op.epsilon);
  return row;
}

}  // namespace

void Forward(const LayerNorm& op, ForwardMath& math) {
  for (int64_t r = 0; r < math.batch * op.rows; ++r) {
    const double* const x = &math.inputs[0].real[r * op.width];
    const Row row = Measure(op, x);
    for (int64_t i = 0; i < op.width; ++i) {
      const double scale = op.has_scale ? math.parameters[0][i] : 1;
      const double offset = op.has_offset ? math.parameters[size_t{op.has_scale}][i] : 0;
      math.output[r * op.width + i] = (x[i] - row.mean) / row.deviation * scale + offset;
    }
  }
}

void Backward(const LayerNorm& op, BackwardMath& math) {
  for (int64_t r = 0; r < math.batch * op.rows; ++r) {
    const double* const x = &math.inputs[0].real[r * op.width];
    const double* const dy = &math.output_gradient[r * op.width];
    const Row row = Measure(op, x);
    double sum = 0, product = 0;  // of the gradient of the normalised x, and of it and the normalised x
    for (int64_t i = 0; i < op.width; ++i) {
      const double normalised = (x[i] - row.mean) / row.deviation;
      const double gradient = dy[i] * (op.has_scale ? math.parameters[0][i] : 1);
      sum += gradient;
      product += gradient * normalised;
      if (op.has_scale) math.parameter_gradients[0][i] += dy[i] * normalised;
      if (op.has_offset) math.parameter_gradients[size_t{op.has_scale}][i] += dy[i];
    }
    if (math.input_gradients[0].empty()) continue;
    for (int64_t i = 0; i < op.width; ++i) {
      const double normalised = (x[i] - row.mean) / row.deviation;
      const double gradient = dy[i] * (op.has_scale ? math.parameters[0][i] : 1);
      math.input_gradients[0][r * op.width + i] +=
          (gradient - (sum + normalised * product) / static_cast<double>(op.width)) / row.deviation;
    }
  }
}

}  // namespace downpour::reference
