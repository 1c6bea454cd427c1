#include "worker/models/graph.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "worker/models/graph_builder.h"

namespace downpour {
namespace {

// "FILE:LINE:COLUMN: " for positions that count from 0, as the parser's do.
std::string Place(std::string_view file, int line, int column) {
  return absl::StrCat(ToAbsl(file), ":", line + 1, ":", column + 1, ": ");
}

// Keeps the first of the parser's complaints.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(std::string_view file) : file_(file) {}
  void AddError(int line, int column, const std::string& message) override {
    if (text_.empty()) text_ = Place(file_, line, column) + message;
  }
  const std::string& text() const { return text_; }

 private:
  const std::string_view file_;
  std::string text_;
};

}  // namespace

absl::StatusOr<Graph> Graph::FromConfig(const ModelConfig& config) { return GraphBuilder(config).Build(); }

absl::StatusOr<Graph> Graph::FromText(std::string_view text, std::string_view file_name) {
  if (text.size() > kModelTextBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(ToAbsl(file_name), ": has ", text.size(), " bytes; at most ", kModelTextBytesMax, " are allowed"));
  }
  ModelConfig config;
  google::protobuf::TextFormat::Parser parser;
  google::protobuf::TextFormat::ParseInfoTree places;
  FirstError error(file_name);
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&places);
  if (!parser.ParseFromString(std::string(text), &config)) {
    return absl::InvalidArgumentError(error.text().empty() ? absl::StrCat(ToAbsl(file_name), ": cannot be read")
                                                           : error.text());
  }
  GraphBuilder builder(config);
  absl::StatusOr<Graph> graph = builder.Build();
  if (graph.ok()) return graph;
  const auto* field = builder.failed_layer().has_value()
                          ? ModelConfig::descriptor()->FindFieldByNumber(ModelConfig::kLayerFieldNumber)
                          : ModelConfig::descriptor()->FindFieldByNumber(ModelConfig::kInputFieldNumber);
  const std::optional<int> index = builder.failed_layer().has_value() ? builder.failed_layer() : builder.failed_input();
  std::string place = absl::StrCat(ToAbsl(file_name), ": ");
  if (index.has_value()) {
    const google::protobuf::TextFormat::ParseLocation location = places.GetLocation(field, *index);
    if (location.line >= 0) place = Place(file_name, location.line, location.column);
  }
  return absl::Status(graph.status().code(), absl::StrCat(place, graph.status().message()));
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
