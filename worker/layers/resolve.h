// From a layer's description and the types of its inputs to the layer.
#ifndef DOWNPOUR_WORKER_LAYERS_RESOLVE_H_
#define DOWNPOUR_WORKER_LAYERS_RESOLVE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/model.pb.h"
#include "worker/layers/layer.h"
#include "worker/layers/layer_context.h"

namespace downpour {

// INVALID_ARGUMENT, naming the layer, the input and the shapes, for options that make no sense, a wrong number of
// inputs, shapes that do not fit, and sizes beyond what anybody can hold. `inputs` are those of config.input(), in
// order.
absl::StatusOr<Layer> ResolveLayer(const LayerConfig& config, std::vector<LayerInput> inputs);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_RESOLVE_H_
