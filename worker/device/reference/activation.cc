#include <cmath>
#include <numbers>

#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

constexpr double kInverseRoot2 = 1 / std::numbers::sqrt2;
constexpr double kGeluInner = 0.044715;

double GeluTanhArgument(double x) { return std::sqrt(2 / std::numbers::pi) * (x + kGeluInner * x * x * x); }

double Value(const Activation& op, double x) {
  switch (op.kind) {
    case Activation::Kind::kRelu:
      return x < 0 ? 0 : x;
    case Activation::Kind::kLeakyRelu:
      return x > 0 ? x : op.slope * x;
    case Activation::Kind::kGelu:
      return x / 2 * (1 + std::erf(x * kInverseRoot2));
    case Activation::Kind::kGeluTanh:
      return x / 2 * (1 + std::tanh(GeluTanhArgument(x)));
    case Activation::Kind::kTanh:
      return std::tanh(x);
    case Activation::Kind::kSigmoid:
      return x >= 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x));
  }
  return x;
}

// From the input or the output, whichever the layer keeps.
double Derivative(const Activation& op, double x, double y) {
  switch (op.kind) {
    case Activation::Kind::kRelu:
      return y > 0 ? 1 : 0;
    case Activation::Kind::kLeakyRelu:
      return x > 0 ? 1 : op.slope;
    case Activation::Kind::kGelu:
      return (1 + std::erf(x * kInverseRoot2)) / 2 +
             x * std::exp(-x * x / 2) * std::numbers::inv_sqrtpi * kInverseRoot2;
    case Activation::Kind::kGeluTanh: {
      const double t = std::tanh(GeluTanhArgument(x));
      return (1 + t) / 2 + x / 2 * (1 - t * t) * std::sqrt(2 / std::numbers::pi) * (1 + 3 * kGeluInner * x * x);
    }
    case Activation::Kind::kTanh:
      return 1 - y * y;
    case Activation::Kind::kSigmoid:
      return y * (1 - y);
  }
  return 1;
}

}  // namespace

void Forward(const Activation& op, ForwardMath& math) {
  for (size_t i = 0; i < math.output.size(); ++i) math.output[i] = Value(op, math.inputs[0].real[i]);
}

void Backward(const Activation& op, BackwardMath& math) {
  for (size_t i = 0; i < math.output_gradient.size(); ++i) {
    const double x = math.layer.backward_reads.inputs ? math.inputs[0].real[i] : 0;
    const double y = math.layer.backward_reads.output ? math.output[i] : 0;
    math.input_gradients[0][i] += math.output_gradient[i] * Derivative(op, x, y);
  }
}

}  // namespace downpour::reference
