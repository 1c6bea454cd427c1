#include "worker/device/reference/op_math.h"

namespace downpour::reference {

void Forward(const MeanSquaredError& op, ForwardMath& math) {
  *math.loss = {};
  const double share = op.weight / static_cast<double>(math.batch * op.elements);
  for (int64_t i = 0; i < math.batch * op.elements; ++i) {
    const double difference = math.inputs[0].real[i] - math.inputs[1].real[i];
    math.loss->loss += share * difference * difference;
  }
}

void Backward(const MeanSquaredError& op, BackwardMath& math) {
  if (math.input_gradients[0].empty()) return;
  const double share = op.weight / static_cast<double>(math.batch * op.elements);
  for (int64_t i = 0; i < math.batch * op.elements; ++i) {
    math.input_gradients[0][i] += 2 * share * (math.inputs[0].real[i] - math.inputs[1].real[i]);
  }
}

}  // namespace downpour::reference
