#ifndef DOWNPOUR_WORKER_LAYERS_LRN_H_
#define DOWNPOUR_WORKER_LAYERS_LRN_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class LayerContext;
class LrnConfig;
struct Layer;

// x / (bias + alpha * sum of x^2 over the channels at most `radius` away)^beta, at each of `positions` by itself.
struct Lrn {
  int64_t positions = 0;  // of one example: all axes but the last
  int64_t channels = 0;
  int64_t radius = 5;
  double bias = 1;
  double alpha = 1;
  double beta = 0.5;
};

absl::StatusOr<Layer> ResolveLrn(const LrnConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_LRN_H_
