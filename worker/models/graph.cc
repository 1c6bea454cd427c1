#include "worker/models/graph.h"

#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/base/string_view.h"
#include "worker/models/graph_builder.h"

namespace downpour {

absl::StatusOr<Graph> Graph::FromConfig(const ModelConfig& config) { return GraphBuilder(config).Build(); }

absl::StatusOr<Graph> Graph::FromConfig(const ModelConfig& config, const ConfigOrigins& origins,
                                        std::string_view path) {
  GraphBuilder builder(config);
  absl::StatusOr<Graph> graph = builder.Build();
  if (graph.ok()) return graph;
  std::string field(path);
  if (!path.empty() && !builder.failed_field().empty()) field += '.';
  field += builder.failed_field();
  return origins.Annotate(graph.status(), field);
}

absl::StatusOr<Graph> Graph::FromText(std::string_view text, std::string_view file_name) {
  ModelConfig config;
  ConfigOrigins origins;
  DP_RETURN_IF_ERROR(ParseConfig(text, file_name, &config, &origins));
  return FromConfig(config, origins);
}

std::vector<TableSpec> Graph::Tables() const {
  std::vector<TableSpec> tables;
  tables.reserve(parameters_.size());
  for (const Parameter& parameter : parameters_) {
    TableSpec table;
    table.name = parameter.spec->name;
    table.shape = parameter.spec->shape;
    table.initializer = parameter.spec->initializer;
    table.element_count = static_cast<uint64_t>(parameter.spec->elements);
    table.is_state = parameter.spec->role == ParameterSpec::Role::kState;
    table.learning_rate_multiplier = parameter.spec->learning_rate_multiplier;
    table.weight_decay = parameter.spec->weight_decay;
    tables.push_back(std::move(table));
  }
  return tables;
}

std::optional<TensorId> Graph::FindTensor(std::string_view name) const {
  const auto at = tensor_by_name_.find(ToAbsl(name));
  return at == tensor_by_name_.end() ? std::nullopt : std::optional(at->second);
}

std::vector<bool> TensorsWithGradient(const Graph& graph, bool of_inputs) {
  std::vector<bool> wanted(graph.tensors().size());
  for (TensorId input = 0; input < graph.input_count(); ++input) {
    wanted[input] = of_inputs && graph.tensors()[input].type.element_type == ElementType::kReal;
  }
  for (size_t i = 0; i < graph.layers().size(); ++i) {
    bool any = false;
    for (const ParameterSpec& spec : graph.layers()[i].parameters) any |= spec.role == ParameterSpec::Role::kTrained;
    for (const TensorId input : graph.InputsOf(i)) any = any || wanted[input];
    wanted[graph.OutputOf(i)] = any;
  }
  return wanted;
}

double Graph::ForwardFlops() const {
  double flops = 0;
  for (const Layer& layer : layers_) flops += layer.flops.forward;
  return flops;
}

double Graph::StepFlops() const {
  const std::vector<bool> wanted = TensorsWithGradient(*this);
  double flops = ForwardFlops();
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (wanted[OutputOf(i)]) flops += layers_[i].flops.backward_parameters;
    bool any = false;
    for (const TensorId input : InputsOf(i)) any = any || wanted[input];
    if (any) flops += layers_[i].flops.backward_inputs;
  }
  return flops;
}

}  // namespace downpour
