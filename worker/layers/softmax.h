#ifndef DOWNPOUR_WORKER_LAYERS_SOFTMAX_H_
#define DOWNPOUR_WORKER_LAYERS_SOFTMAX_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class LayerContext;
class SoftmaxConfig;
struct Layer;

// exp(x) / sum(exp(x)) over each row, the last axis; computed from x minus the row's largest element.
struct Softmax {
  int64_t rows = 0;  // of one example
  int64_t width = 0;
};

absl::StatusOr<Layer> ResolveSoftmax(const SoftmaxConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_SOFTMAX_H_
