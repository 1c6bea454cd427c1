#ifndef DOWNPOUR_WORKER_LAYERS_CONV2D_H_
#define DOWNPOUR_WORKER_LAYERS_CONV2D_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/layers/window2d.h"

namespace downpour {

class Conv2DConfig;
class LayerContext;
struct Layer;

// x [window.input] -> [window.output] with `filters` channels. Parameters: weights [kernel height, kernel width,
// channels / groups, filters] (HWIO), bias [filters] if has_bias. With groups, the filters of group g are
// [g * filters / groups, (g + 1) * filters / groups), and see only the same share of the channels. The kernel is not
// turned over: a correlation, as everywhere in machine learning.
struct Conv2D {
  Window2D window;
  int64_t channels = 0;
  int64_t filters = 0;
  int64_t groups = 1;
  bool has_bias = true;
};

absl::StatusOr<Layer> ResolveConv2D(const Conv2DConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_CONV2D_H_
