#include <cmath>
#include <vector>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

struct Statistics {
  std::vector<double> mean;
  std::vector<double> variance;  // biased
};

Statistics OfBatch(const BatchNorm& op, std::span<const double> x, int64_t count) {
  Statistics of{std::vector<double>(static_cast<size_t>(op.channels)),
                std::vector<double>(static_cast<size_t>(op.channels))};
  for (int64_t c = 0; c < op.channels; ++c) {
    for (int64_t p = 0; p < count; ++p) of.mean[c] += x[p * op.channels + c] / static_cast<double>(count);
    for (int64_t p = 0; p < count; ++p) {
      const double deviation = x[p * op.channels + c] - of.mean[c];
      of.variance[c] += deviation * deviation / static_cast<double>(count);
    }
  }
  return of;
}

}  // namespace

void Forward(const BatchNorm& op, ForwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;  // [batch, positions, channels]
  const int64_t count = math.batch * op.positions;
  const size_t mean_at = size_t{op.has_scale} + size_t{op.has_offset}, variance_at = mean_at + 1;
  const std::span<const double> running_mean = math.parameters[mean_at];
  const std::span<const double> running_variance = math.parameters[variance_at];
  Statistics by;
  if (math.mode == Mode::kTrain) {
    by = OfBatch(op, x, count);
    for (int64_t c = 0; c < op.channels; ++c) {
      math.updates[mean_at][c] = math.updates[variance_at][c] = 0;
      if (count < 2) continue;
      const double unbiased = by.variance[c] * static_cast<double>(count) / static_cast<double>(count - 1);
      math.updates[mean_at][c] = op.momentum * (running_mean[c] - by.mean[c]);
      math.updates[variance_at][c] = op.momentum * (running_variance[c] - unbiased);
    }
  } else {
    by.mean.assign(running_mean.begin(), running_mean.end());
    by.variance.assign(running_variance.begin(), running_variance.end());
  }
  for (int64_t i = 0; i < count * op.channels; ++i) {
    const int64_t c = i % op.channels;
    const double scale = op.has_scale ? math.parameters[0][c] : 1;
    const double offset = op.has_offset ? math.parameters[mean_at - 1][c] : 0;
    math.output[i] = (x[i] - by.mean[c]) / std::sqrt(by.variance[c] + op.epsilon) * scale + offset;
  }
}

void Backward(const BatchNorm& op, BackwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;
  const std::span<const double> dy = math.output_gradient;
  const int64_t count = math.batch * op.positions;
  const Statistics by = OfBatch(op, x, count);
  for (int64_t c = 0; c < op.channels; ++c) {
    const double deviation = std::sqrt(by.variance[c] + op.epsilon);
    double sum = 0, product = 0;  // of dy, and of dy and the normalised x
    for (int64_t p = 0; p < count; ++p) {
      const int64_t i = p * op.channels + c;
      sum += dy[i];
      product += dy[i] * (x[i] - by.mean[c]) / deviation;
    }
    if (op.has_scale) math.parameter_gradients[0][c] += product;
    if (op.has_offset) math.parameter_gradients[size_t{op.has_scale}][c] += sum;
    if (math.input_gradients[0].empty()) continue;
    const double scale = (op.has_scale ? math.parameters[0][c] : 1) / deviation;
    for (int64_t p = 0; p < count; ++p) {
      const int64_t i = p * op.channels + c;
      const double normalised = (x[i] - by.mean[c]) / deviation;
      math.input_gradients[0][i] += scale * (dy[i] - (sum + normalised * product) / static_cast<double>(count));
    }
  }
}

}  // namespace downpour::reference
