// A model, checked: its layers in an order in which they can be computed, with all shapes and parameters.
#ifndef DOWNPOUR_WORKER_MODELS_GRAPH_H_
#define DOWNPOUR_WORKER_MODELS_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "common/config/text_config.h"
#include "common/sharding/table_spec.h"
#include "proto/model.pb.h"
#include "worker/layers/layer.h"

namespace downpour {

inline constexpr size_t kModelLayersMax = 10'000;

// Of Graph::tensors(): the inputs in the order of the model file, then the outputs of layers() in their order.
using TensorId = size_t;

// Immutable: any thread may read it. Kept by shared_ptr<const Graph>, since programs refer to its layers.
class Graph {
 public:
  struct Tensor {
    std::string name;  // of the input or layer
    TensorType type;
  };

  // A parameter of a layer; its index in parameters() is that of its table in Tables() and of everything in a program.
  struct Parameter {
    size_t layer = 0;                     // in layers()
    size_t index_in_layer = 0;            // in Layer::parameters
    const ParameterSpec* spec = nullptr;  // as long as the graph lives
  };

  // INVALID_ARGUMENT, naming the layer, the input and the shapes, for whatever cannot be computed: see
  // proto/model.proto. Allocates nothing of the size of what it describes.
  static absl::StatusOr<Graph> FromConfig(const ModelConfig& config);

  // The same of a model at `path` in a file that has other things too; errors begin with the place of what is wrong.
  static absl::StatusOr<Graph> FromConfig(const ModelConfig& config, const ConfigOrigins& origins,
                                          std::string_view path = "");

  // From protobuf text; errors begin with "FILE:LINE:COLUMN: " of the text, the layer or the input that they are about.
  static absl::StatusOr<Graph> FromText(std::string_view text, std::string_view file_name);

  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  const std::string& name() const { return name_; }
  std::span<const Tensor> tensors() const { return tensors_; }
  size_t input_count() const { return input_count_; }
  std::span<const Tensor> inputs() const { return tensors().first(input_count_); }

  // Each after all layers that it takes; as written where that allows it.
  std::span<const Layer> layers() const { return layers_; }
  std::span<const TensorId> InputsOf(size_t layer) const { return layer_inputs_[layer]; }
  TensorId OutputOf(size_t layer) const { return input_count_ + layer; }

  // How many layers take a tensor; a layer that takes it twice counts twice.
  size_t ConsumerCount(TensorId tensor) const { return consumer_count_[tensor]; }

  std::span<const TensorId> outputs() const { return outputs_; }  // what a prediction consists of
  std::span<const size_t> losses() const { return losses_; }      // layers

  std::span<const Parameter> parameters() const { return parameters_; }
  size_t FirstParameterOf(size_t layer) const { return first_parameter_[layer]; }

  // One table for each parameter, in that order: what servers are told to hold.
  std::vector<TableSpec> Tables() const;

  std::optional<TensorId> FindTensor(std::string_view name) const;

  // Floating-point operations of a step for one example: forward, and backward without the gradients of the inputs.
  double ForwardFlops() const;
  double StepFlops() const;

 private:
  friend class GraphBuilder;
  Graph() = default;

  std::string name_;
  std::vector<Tensor> tensors_;
  size_t input_count_ = 0;
  std::vector<Layer> layers_;
  std::vector<std::vector<TensorId>> layer_inputs_;
  std::vector<size_t> consumer_count_;
  std::vector<TensorId> outputs_;
  std::vector<size_t> losses_;
  std::vector<Parameter> parameters_;
  std::vector<size_t> first_parameter_;
  absl::flat_hash_map<std::string, TensorId> tensor_by_name_;
};

// For each tensor whether backward computes its gradient: whether a trained parameter lies below it, or, with
// `of_inputs`, an input of real numbers.
std::vector<bool> TensorsWithGradient(const Graph& graph, bool of_inputs = false);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_GRAPH_H_
