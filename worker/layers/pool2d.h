#ifndef DOWNPOUR_WORKER_LAYERS_POOL2D_H_
#define DOWNPOUR_WORKER_LAYERS_POOL2D_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "worker/layers/window2d.h"

namespace downpour {

class LayerContext;
class PoolConfig;
struct Layer;

// Each channel for itself. kMax: the largest of what lies inside the input; of several, the gradient goes to the first
// in row-major order. kAverage: over what lies inside the input, or over all taps of the window with padding as zeros
// if count_padding. Every window has at least one tap inside the input.
struct Pool2D {
  enum class Kind : uint8_t { kMax, kAverage };

  Kind kind = Kind::kMax;
  Window2D window;
  int64_t channels = 0;
  bool count_padding = false;
};

// `config` is of the layer max_pool or average_pool.
absl::StatusOr<Layer> ResolvePool2D(const PoolConfig& config, Pool2D::Kind kind, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_POOL2D_H_
