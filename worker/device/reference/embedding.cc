#include "absl/strings/str_cat.h"
#include "worker/device/reference/op_math.h"

namespace downpour::reference {

void Forward(const Embedding& op, ForwardMath& math) {
  for (int64_t i = 0; i < math.batch * op.indices; ++i) {
    const int32_t row = math.inputs[0].index[i];
    const bool known = row >= 0 && row < op.rows;
    if (!known && math.error.empty()) {
      math.error = absl::StrCat("index ", row, " of example ", i / op.indices, " is not in [0, ", op.rows, ")");
    }
    for (int64_t j = 0; j < op.width; ++j) {
      math.output[i * op.width + j] = known ? math.parameters[0][row * op.width + j] : 0;
    }
  }
}

void Backward(const Embedding& op, BackwardMath& math) {
  for (int64_t i = 0; i < math.batch * op.indices; ++i) {
    const int32_t row = math.inputs[0].index[i];
    if (row < 0 || row >= op.rows) continue;
    for (int64_t j = 0; j < op.width; ++j) {
      math.parameter_gradients[0][row * op.width + j] += math.output_gradient[i * op.width + j];
    }
  }
}

}  // namespace downpour::reference
