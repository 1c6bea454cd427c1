#ifndef DOWNPOUR_WORKER_LAYERS_ELEMENTWISE_H_
#define DOWNPOUR_WORKER_LAYERS_ELEMENTWISE_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class AddConfig;
class LayerContext;
class MultiplyConfig;
struct Layer;

// The sum or the product of two or more inputs of one shape.
struct Elementwise {
  enum class Kind : uint8_t { kAdd, kMultiply };

  Kind kind = Kind::kAdd;
};

absl::StatusOr<Layer> ResolveAdd(const AddConfig& config, const LayerContext& context);
absl::StatusOr<Layer> ResolveMultiply(const MultiplyConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_ELEMENTWISE_H_
