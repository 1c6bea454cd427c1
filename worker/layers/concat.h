#ifndef DOWNPOUR_WORKER_LAYERS_CONCAT_H_
#define DOWNPOUR_WORKER_LAYERS_CONCAT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace downpour {

class ConcatConfig;
class LayerContext;
struct Layer;

// Two or more inputs, one behind the other along an axis. For each of `outer` indices of the axes before it, in one
// example, inner_sizes[i] elements of input i lie side by side.
struct Concat {
  int64_t outer = 1;
  std::vector<int64_t> inner_sizes;
};

absl::StatusOr<Layer> ResolveConcat(const ConcatConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_CONCAT_H_
