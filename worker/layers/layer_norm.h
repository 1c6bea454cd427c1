#ifndef DOWNPOUR_WORKER_LAYERS_LAYER_NORM_H_
#define DOWNPOUR_WORKER_LAYERS_LAYER_NORM_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class LayerContext;
class LayerNormConfig;
struct Layer;

// (x - mean) / sqrt(variance + epsilon) * scale + offset over each row, the last axes taken together, with the biased
// variance. Parameters: scale if has_scale, offset if has_offset, both of the shape of those axes.
struct LayerNorm {
  int64_t rows = 0;  // of one example
  int64_t width = 0;
  double epsilon = 1e-5;
  bool has_scale = true;
  bool has_offset = true;
};

absl::StatusOr<Layer> ResolveLayerNorm(const LayerNormConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_LAYER_NORM_H_
