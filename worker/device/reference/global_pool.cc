#include <cmath>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

void Forward(const GlobalPool& op, ForwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;  // [batch, positions, channels]
  for (int64_t n = 0; n < math.batch; ++n) {
    for (int64_t c = 0; c < op.channels; ++c) {
      const auto at = [&](int64_t p) { return x[(n * op.positions + p) * op.channels + c]; };
      double result = op.kind == GlobalPool::Kind::kMax ? at(0) : 0;
      for (int64_t p = 0; p < op.positions; ++p) {
        if (op.kind == GlobalPool::Kind::kAverage) {
          result += at(p) / static_cast<double>(op.positions);
        } else if (at(p) > result || std::isnan(at(p))) {
          result = at(p);
        }
      }
      math.output[n * op.channels + c] = result;
    }
  }
}

void Backward(const GlobalPool& op, BackwardMath& math) {
  const std::span<double> dx = math.input_gradients[0];
  for (int64_t n = 0; n < math.batch; ++n) {
    for (int64_t c = 0; c < op.channels; ++c) {
      const double dy = math.output_gradient[n * op.channels + c];
      const auto index = [&](int64_t p) { return (n * op.positions + p) * op.channels + c; };
      if (op.kind == GlobalPool::Kind::kAverage) {
        for (int64_t p = 0; p < op.positions; ++p) dx[index(p)] += dy / static_cast<double>(op.positions);
        continue;
      }
      const std::span<const double> x = math.inputs[0].real;
      int64_t largest = index(0);
      for (int64_t p = 0; p < op.positions; ++p) {
        if (x[index(p)] > x[largest]) largest = index(p);
      }
      dx[largest] += dy;
    }
  }
}

}  // namespace downpour::reference
