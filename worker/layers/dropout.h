#ifndef DOWNPOUR_WORKER_LAYERS_DROPOUT_H_
#define DOWNPOUR_WORKER_LAYERS_DROPOUT_H_

#include <array>
#include <cstdint>

#include "absl/status/statusor.h"
#include "common/base/philox.h"

namespace downpour {

class DropoutConfig;
class LayerContext;
struct Layer;

// In training y = x / (1 - rate) for the elements that DropoutMask keeps and 0 for the others; in evaluation y = x.
struct Dropout {
  double rate = 0;
  uint64_t stream = 0;  // from the layer's name: layers drop independently of each other
};

// Which elements are kept: the same on every device. Element i of the batch's tensor (counting through all examples) is
// kept if word i % 4 of the Philox block {i / 4, step} under this key is at least `threshold`.
struct DropoutMask {
  std::array<uint32_t, 2> key{};
  uint64_t step = 0;
  uint32_t threshold = 0;  // rate * 2^32

  DropoutMask(const Dropout& dropout, uint64_t seed, uint64_t step_now)
      : key{static_cast<uint32_t>(seed ^ dropout.stream), static_cast<uint32_t>((seed ^ dropout.stream) >> 32)},
        step(step_now),
        threshold(static_cast<uint32_t>(dropout.rate * 4294967296.0)) {}

  // For elements [4 * block, 4 * block + 4).
  std::array<bool, 4> Keeps(uint64_t block) const {
    const std::array<uint32_t, 4> words = Philox4x32({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                                                      static_cast<uint32_t>(step), static_cast<uint32_t>(step >> 32)},
                                                     key);
    return {words[0] >= threshold, words[1] >= threshold, words[2] >= threshold, words[3] >= threshold};
  }
};

absl::StatusOr<Layer> ResolveDropout(const DropoutConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_DROPOUT_H_
