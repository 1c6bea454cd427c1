#ifndef DOWNPOUR_WORKER_LAYERS_DENSE_H_
#define DOWNPOUR_WORKER_LAYERS_DENSE_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class DenseConfig;
class LayerContext;
struct Layer;

// x [inputs] -> x * weights + bias [units]. Parameters: weights [inputs, units], bias [units] if has_bias.
struct Dense {
  int64_t inputs = 0;
  int64_t units = 0;
  bool has_bias = true;
};

absl::StatusOr<Layer> ResolveDense(const DenseConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_DENSE_H_
