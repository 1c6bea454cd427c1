#include <cmath>
#include <vector>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

// Calls body(output, inputs) for each element of the output, with those of the input that its window sees.
template <typename Body>
void ForEachWindow(const Pool2D& op, int64_t batch, const Body& body) {
  const WindowAxis& h = op.window.height;
  const WindowAxis& w = op.window.width;
  std::vector<int64_t> inputs;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t oy = 0; oy < h.output; ++oy) {
      for (int64_t ox = 0; ox < w.output; ++ox) {
        for (int64_t c = 0; c < op.channels; ++c) {
          inputs.clear();
          for (int64_t ky = h.TapBegin(oy); ky < h.TapEnd(oy); ++ky) {
            for (int64_t kx = w.TapBegin(ox); kx < w.TapEnd(ox); ++kx) {
              const int64_t iy = h.Start(oy) + ky * h.dilation, ix = w.Start(ox) + kx * w.dilation;
              inputs.push_back(((n * h.input + iy) * w.input + ix) * op.channels + c);
            }
          }
          body(((n * h.output + oy) * w.output + ox) * op.channels + c, inputs);
        }
      }
    }
  }
}

double Divisor(const Pool2D& op, const std::vector<int64_t>& inputs) {
  return static_cast<double>(op.count_padding ? op.window.height.kernel * op.window.width.kernel
                                              : static_cast<int64_t>(inputs.size()));
}

}  // namespace

void Forward(const Pool2D& op, ForwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;
  ForEachWindow(op, math.batch, [&](int64_t output, const std::vector<int64_t>& inputs) {
    double result = op.kind == Pool2D::Kind::kMax ? x[inputs[0]] : 0;
    for (const int64_t i : inputs) {
      if (op.kind == Pool2D::Kind::kAverage) {
        result += x[i] / Divisor(op, inputs);
      } else if (x[i] > result || std::isnan(x[i])) {
        result = x[i];
      }
    }
    math.output[output] = result;
  });
}

void Backward(const Pool2D& op, BackwardMath& math) {
  const std::span<double> dx = math.input_gradients[0];
  ForEachWindow(op, math.batch, [&](int64_t output, const std::vector<int64_t>& inputs) {
    const double dy = math.output_gradient[output];
    if (op.kind == Pool2D::Kind::kAverage) {
      for (const int64_t i : inputs) dx[i] += dy / Divisor(op, inputs);
      return;
    }
    const std::span<const double> x = math.inputs[0].real;
    int64_t largest = inputs[0];
    for (const int64_t i : inputs) {
      if (x[i] > x[largest]) largest = i;
    }
    dx[largest] += dy;
  });
}

}  // namespace downpour::reference
