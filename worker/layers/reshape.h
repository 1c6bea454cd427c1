#ifndef DOWNPOUR_WORKER_LAYERS_RESHAPE_H_
#define DOWNPOUR_WORKER_LAYERS_RESHAPE_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class FlattenConfig;
class LayerContext;
class ReshapeConfig;
struct Layer;

// The input under another shape with as many elements: flatten and reshape. Devices have no kernel for it; the elements
// stay where they are.
struct Reshape {};

absl::StatusOr<Layer> ResolveFlatten(const FlattenConfig& config, const LayerContext& context);
absl::StatusOr<Layer> ResolveReshape(const ReshapeConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_RESHAPE_H_
