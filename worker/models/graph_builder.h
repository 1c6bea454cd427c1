// The checks that turn a model's description into a Graph.
#ifndef DOWNPOUR_WORKER_MODELS_GRAPH_BUILDER_H_
#define DOWNPOUR_WORKER_MODELS_GRAPH_BUILDER_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/model.pb.h"
#include "worker/models/graph.h"

namespace downpour {

// Used once.
class GraphBuilder {
 public:
  explicit GraphBuilder(const ModelConfig& config) : config_(config) {}

  absl::StatusOr<Graph> Build();

  // After an error: the field of the config that it is about, "layer[3]" or "input[0]"; empty if it is about none.
  std::string failed_field() const;

 private:
  absl::Status ReadInputs();
  absl::Status ReadNames();
  absl::Status FindInputs();
  absl::Status Sort();
  absl::Status DescribeCycle(const std::vector<bool>& placed);
  absl::Status ResolveLayers();
  absl::Status ChooseOutputs();
  absl::Status CheckAllIsUsed();
  absl::Status NameFollows(std::string_view what, const std::string& name) const;
  std::string Suggestion(std::string_view name) const;

  // Something that a layer can take, by its place in the config.
  struct Source {
    bool is_input = false;
    int index = 0;
  };

  const ModelConfig& config_;
  Graph graph_;
  absl::flat_hash_map<std::string, Source> sources_;
  std::vector<std::vector<Source>> layer_sources_;  // by the config's order
  std::vector<int> order_;                          // of the config's layers, as they are computed
  std::vector<TensorId> tensor_of_layer_;           // by the config's order
  std::optional<int> failed_layer_;
  std::optional<int> failed_input_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_GRAPH_BUILDER_H_
