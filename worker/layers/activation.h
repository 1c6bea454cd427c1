#ifndef DOWNPOUR_WORKER_LAYERS_ACTIVATION_H_
#define DOWNPOUR_WORKER_LAYERS_ACTIVATION_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class GeluConfig;
class LayerContext;
class LeakyReluConfig;
class ReluConfig;
class SigmoidConfig;
class TanhConfig;
struct Layer;

// A function of each element by itself. Its derivative where it has a corner, at 0, is that of x < 0.
struct Activation {
  enum class Kind : uint8_t { kRelu, kLeakyRelu, kGelu, kGeluTanh, kTanh, kSigmoid };

  Kind kind = Kind::kRelu;
  double slope = 0;  // of kLeakyRelu for x < 0
};

absl::StatusOr<Layer> ResolveRelu(const ReluConfig& config, const LayerContext& context);
absl::StatusOr<Layer> ResolveLeakyRelu(const LeakyReluConfig& config, const LayerContext& context);
absl::StatusOr<Layer> ResolveGelu(const GeluConfig& config, const LayerContext& context);
absl::StatusOr<Layer> ResolveTanh(const TanhConfig& config, const LayerContext& context);
absl::StatusOr<Layer> ResolveSigmoid(const SigmoidConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_ACTIVATION_H_
