#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

// Calls body(k, in_input, in_output, size): `size` elements of input k from there on, and where they lie in the output.
template <typename Body>
void ForEachPiece(const Concat& op, int64_t batch, const Body& body) {
  int64_t output = 0;
  for (int64_t outer = 0; outer < batch * op.outer; ++outer) {
    for (size_t k = 0; k < op.inner_sizes.size(); ++k) {
      body(k, outer * op.inner_sizes[k], output, op.inner_sizes[k]);
      output += op.inner_sizes[k];
    }
  }
}

}  // namespace

void Forward(const Concat& op, ForwardMath& math) {
  ForEachPiece(op, math.batch, [&](size_t k, int64_t input, int64_t output, int64_t size) {
    for (int64_t i = 0; i < size; ++i) math.output[output + i] = math.inputs[k].real[input + i];
  });
}

void Backward(const Concat& op, BackwardMath& math) {
  ForEachPiece(op, math.batch, [&](size_t k, int64_t input, int64_t output, int64_t size) {
    if (math.input_gradients[k].empty()) return;
    for (int64_t i = 0; i < size; ++i) math.input_gradients[k][input + i] += math.output_gradient[output + i];
  });
}

}  // namespace downpour::reference
