#ifndef DOWNPOUR_WORKER_LAYERS_MEAN_SQUARED_ERROR_H_
#define DOWNPOUR_WORKER_LAYERS_MEAN_SQUARED_ERROR_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class LayerContext;
class MeanSquaredErrorConfig;
struct Layer;

// Inputs: values, targets: (value - target)^2, averaged over examples and elements, times weight. There is no gradient
// of the targets.
struct MeanSquaredError {
  int64_t elements = 0;  // of one example
  double weight = 1;
};

absl::StatusOr<Layer> ResolveMeanSquaredError(const MeanSquaredErrorConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_MEAN_SQUARED_ERROR_H_
