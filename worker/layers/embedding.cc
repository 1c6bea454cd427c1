#include "worker/layers/embedding.h"

#include <limits>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "proto/model.pb.h"
#include "worker/layers/layer_context.h"

namespace downpour {

absl::StatusOr<Layer> ResolveEmbedding(const EmbeddingConfig& config, const LayerContext& context) {
  DP_RETURN_IF_ERROR(context.CheckInputCount(1, 1));
  DP_RETURN_IF_ERROR(context.CheckElementType(0, ElementType::kIndex));
  DP_RETURN_IF_ERROR(
      context.CheckNumber("rows", static_cast<double>(config.rows()), 1, std::numeric_limits<int32_t>::max()));
  DP_RETURN_IF_ERROR(context.CheckNumber("width", config.width(), 1, 1 << 20));
  const std::span<const int64_t> indices = context.shape(0).dims();
  if (indices.size() == Shape::kRankMax) return context.InputError(0, "has no room for one axis more");
  std::vector<int64_t> dims(indices.begin(), indices.end());
  dims.push_back(config.width());
  const Embedding embedding{.indices = context.input(0).elements, .rows = config.rows(), .width = config.width()};
  const double elements = static_cast<double>(embedding.indices) * static_cast<double>(embedding.width);
  DP_ASSIGN_OR_RETURN(Layer layer, context.Make(embedding, dims, {.backward_parameters = elements}, {.inputs = true}));
  InitializerConfig initializer;
  initializer.mutable_uniform()->set_low(-0.05);
  initializer.mutable_uniform()->set_high(0.05);
  DP_RETURN_IF_ERROR(context.AddParameter({.name = "weights",
                                           .dims = {embedding.rows, embedding.width},
                                           .default_initializer = std::move(initializer),
                                           .config = &config.weights()},
                                          &layer));
  return layer;
}

}  // namespace downpour
