#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

// Calls body(output, input, weight) for the first filter of a group at each output position, the first channel of the
// group at each input position that it sees, and the first weight that joins the two; what follows each are the group's
// other filters and channels.
template <typename Body>
void ForEachTap(const Conv2D& op, int64_t batch, const Body& body) {
  const WindowAxis& h = op.window.height;
  const WindowAxis& w = op.window.width;
  const int64_t group_channels = op.channels / op.groups, group_filters = op.filters / op.groups;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t oy = 0; oy < h.output; ++oy) {
      for (int64_t ox = 0; ox < w.output; ++ox) {
        for (int64_t ky = h.TapBegin(oy); ky < h.TapEnd(oy); ++ky) {
          for (int64_t kx = w.TapBegin(ox); kx < w.TapEnd(ox); ++kx) {
            const int64_t iy = h.Start(oy) + ky * h.dilation, ix = w.Start(ox) + kx * w.dilation;
            const int64_t output = ((n * h.output + oy) * w.output + ox) * op.filters;
            const int64_t input = ((n * h.input + iy) * w.input + ix) * op.channels;
            const int64_t weight = (ky * w.kernel + kx) * group_channels * op.filters;
            for (int64_t g = 0; g < op.groups; ++g) {
              body(output + g * group_filters, input + g * group_channels, weight + g * group_filters);
            }
          }
        }
      }
    }
  }
}

}  // namespace

void Forward(const Conv2D& op, ForwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;  // [batch, height, width, channels]
  const std::span<const double> w = math.parameters[0];   // [height, width, channels / groups, filters]
  const std::span<double> y = math.output;
  for (size_t i = 0; i < y.size(); ++i) {
    y[i] = op.has_bias ? math.parameters[1][i % static_cast<size_t>(op.filters)] : 0;
  }
  ForEachTap(op, math.batch, [&](int64_t output, int64_t input, int64_t weight) {
    for (int64_t c = 0; c < op.channels / op.groups; ++c) {
      for (int64_t f = 0; f < op.filters / op.groups; ++f) {
        y[output + f] += x[input + c] * w[weight + c * op.filters + f];
      }
    }
  });
}

void Backward(const Conv2D& op, BackwardMath& math) {
  const std::span<const double> x = math.inputs[0].real;
  const std::span<const double> w = math.parameters[0];
  const std::span<const double> dy = math.output_gradient;
  const std::span<double> dx = math.input_gradients[0];
  const std::span<double> dw = math.parameter_gradients[0];
  ForEachTap(op, math.batch, [&](int64_t output, int64_t input, int64_t weight) {
    for (int64_t c = 0; c < op.channels / op.groups; ++c) {
      for (int64_t f = 0; f < op.filters / op.groups; ++f) {
        dw[weight + c * op.filters + f] += x[input + c] * dy[output + f];
        if (!dx.empty()) dx[input + c] += w[weight + c * op.filters + f] * dy[output + f];
      }
    }
  });
  if (!op.has_bias) return;
  for (size_t i = 0; i < dy.size(); ++i) {
    math.parameter_gradients[1][i % static_cast<size_t>(op.filters)] += dy[i];
  }
}

}  // namespace downpour::reference
