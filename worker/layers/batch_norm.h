#ifndef DOWNPOUR_WORKER_LAYERS_BATCH_NORM_H_
#define DOWNPOUR_WORKER_LAYERS_BATCH_NORM_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class BatchNormConfig;
class LayerContext;
struct Layer;

// (x - mean) / sqrt(variance + epsilon) * scale + offset for each channel; in training by the mean and (biased)
// variance over batch and positions, in evaluation by the running ones. Parameters, in this order: scale [channels] if
// has_scale, offset [channels] if has_offset, and the states mean [channels] and variance [channels], for which a
// training pass forward leaves momentum * (running - batch) where their gradients are (the batch's variance with n - 1;
// with a single value nothing is known of it, and the update is 0).
struct BatchNorm {
  int64_t positions = 0;  // of one example: all axes but the last
  int64_t channels = 0;
  double momentum = 0.1;
  double epsilon = 1e-5;
  bool has_scale = true;
  bool has_offset = true;
};

absl::StatusOr<Layer> ResolveBatchNorm(const BatchNormConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_BATCH_NORM_H_
