#ifndef DOWNPOUR_WORKER_LAYERS_SOFTMAX_CROSS_ENTROPY_H_
#define DOWNPOUR_WORKER_LAYERS_SOFTMAX_CROSS_ENTROPY_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class LayerContext;
class SoftmaxCrossEntropyConfig;
struct Layer;

// Inputs: logits [classes], labels []. With p = softmax(logits) and the target t = (1 - label_smoothing) * [label] +
// label_smoothing / classes: -sum(t * log(p)), averaged over the examples, times weight. A label outside [0, classes)
// is an error of the device (see Device::Status), and its example counts nothing.
struct SoftmaxCrossEntropy {
  int64_t classes = 0;
  double label_smoothing = 0;
  double weight = 1;
};

absl::StatusOr<Layer> ResolveSoftmaxCrossEntropy(const SoftmaxCrossEntropyConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_SOFTMAX_CROSS_ENTROPY_H_
