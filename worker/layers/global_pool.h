#ifndef DOWNPOUR_WORKER_LAYERS_GLOBAL_POOL_H_
#define DOWNPOUR_WORKER_LAYERS_GLOBAL_POOL_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class GlobalPoolConfig;
class LayerContext;
struct Layer;

// [height, width, channels] -> [channels]. Of several largest elements the gradient goes to the first in row-major
// order.
struct GlobalPool {
  enum class Kind : uint8_t { kAverage, kMax };

  Kind kind = Kind::kAverage;
  int64_t positions = 0;  // height * width
  int64_t channels = 0;
};

absl::StatusOr<Layer> ResolveGlobalPool(const GlobalPoolConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_GLOBAL_POOL_H_
