#ifndef DOWNPOUR_WORKER_LAYERS_SIGMOID_CROSS_ENTROPY_H_
#define DOWNPOUR_WORKER_LAYERS_SIGMOID_CROSS_ENTROPY_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class LayerContext;
class SigmoidCrossEntropyConfig;
struct Layer;

// Inputs: logits x, labels t in [0, 1]: max(x, 0) - x * t + log(1 + exp(-|x|)), averaged over examples and elements,
// times weight. There is no gradient of the labels.
struct SigmoidCrossEntropy {
  int64_t elements = 0;  // of one example
  double weight = 1;
};

absl::StatusOr<Layer> ResolveSigmoidCrossEntropy(const SigmoidCrossEntropyConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_SIGMOID_CROSS_ENTROPY_H_
