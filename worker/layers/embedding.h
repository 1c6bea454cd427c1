#ifndef DOWNPOUR_WORKER_LAYERS_EMBEDDING_H_
#define DOWNPOUR_WORKER_LAYERS_EMBEDDING_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace downpour {

class EmbeddingConfig;
class LayerContext;
struct Layer;

// Row numbers -> the rows of the weights [rows, width], behind one another. A number outside [0, rows) is an error of
// the device (see Device::Status), and its row is all zeros.
struct Embedding {
  int64_t indices = 0;  // of one example
  int64_t rows = 0;
  int64_t width = 0;
};

absl::StatusOr<Layer> ResolveEmbedding(const EmbeddingConfig& config, const LayerContext& context);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_EMBEDDING_H_
