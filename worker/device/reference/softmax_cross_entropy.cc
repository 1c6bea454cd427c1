#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "worker/device/reference/op_math.h"

namespace downpour::reference {

namespace {

struct Row {
  const double* logits = nullptr;
  double largest = 0;
  double log_sum = 0;  // log(sum(exp(logits)))
};

Row Measure(const SoftmaxCrossEntropy& op, std::span<const double> logits, int64_t n) {
  Row row{.logits = &logits[n * op.classes]};
  row.largest = *std::max_element(row.logits, row.logits + op.classes);
  double sum = 0;
  for (int64_t c = 0; c < op.classes; ++c) sum += std::exp(row.logits[c] - row.largest);
  row.log_sum = row.largest + std::log(sum);
  return row;
}

double Target(const SoftmaxCrossEntropy& op, int64_t c, int32_t label) {
  return (c == label ? 1 - op.label_smoothing : 0) + op.label_smoothing / static_cast<double>(op.classes);
}

}  // namespace

void Forward(const SoftmaxCrossEntropy& op, ForwardMath& math) {
  *math.loss = {};
  for (int64_t n = 0; n < math.batch; ++n) {
    const int32_t label = math.inputs[1].index[n];
    if (label < 0 || label >= op.classes) {
      if (math.error.empty()) {
        math.error = absl::StrCat("the label ", label, " of example ", n, " is not in [0, ", op.classes, ")");
      }
      continue;
    }
    const Row row = Measure(op, math.inputs[0].real, n);
    double loss = 0;
    for (int64_t c = 0; c < op.classes; ++c) loss -= Target(op, c, label) * (row.logits[c] - row.log_sum);
    math.loss->loss += op.weight * loss / static_cast<double>(math.batch);
    const int64_t first_largest = std::max_element(row.logits, row.logits + op.classes) - row.logits;
    math.loss->correct += first_largest == label ? 1 : 0;
  }
}

void Backward(const SoftmaxCrossEntropy& op, BackwardMath& math) {
  if (math.input_gradients[0].empty()) return;
  for (int64_t n = 0; n < math.batch; ++n) {
    const int32_t label = math.inputs[1].index[n];
    if (label < 0 || label >= op.classes) continue;
    const Row row = Measure(op, math.inputs[0].real, n);
    for (int64_t c = 0; c < op.classes; ++c) {
      math.input_gradients[0][n * op.classes + c] +=
          op.weight / static_cast<double>(math.batch) * (std::exp(row.logits[c] - row.log_sum) - Target(op, c, label));
    }
  }
}

}  // namespace downpour::reference
