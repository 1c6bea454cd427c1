#include "worker/models/summary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "worker/models/fusion.h"
#include "worker/models/memory_plan.h"
#include "worker/models/schedule.h"

namespace downpour {
namespace {

constexpr size_t kAlignment = 256;

std::vector<BufferLife> LivesOf(const Graph& graph, int64_t batch) {
  const std::vector<Node> nodes = UnfusedNodes(graph);
  std::vector<NodeTraits> traits(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Layer& layer = graph.layers()[nodes[i].layers[0]];
    traits[i].backward_reads_inputs = layer.backward_reads.inputs;
    traits[i].backward_reads_output = layer.backward_reads.output;
  }
  const Schedule schedule = MakeSchedule(graph, nodes, traits, !graph.losses().empty(), false);
  std::vector<BufferLife> lives;
  for (const Slot& slot : schedule.slots) {
    lives.push_back({static_cast<size_t>(slot.elements * batch) * sizeof(float), slot.first, slot.last});
  }
  return lives;
}

// "87.4 M": three digits and a unit.
std::string Count(double value) {
  const char* const units[] = {"", " k", " M", " G", " T"};
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  const int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return absl::StrFormat("%.*f%s", digits, value, units[unit]);
}

std::string Bytes(double value) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.*f %s", unit == 0 || value >= 99.95 ? 0 : 1, value, units[unit]);
}

}  // namespace

ModelSummary Summarize(const Graph& graph, int64_t batch) {
  ModelSummary summary;
  summary.name = graph.name();
  for (const Layer& layer : graph.layers()) {
    LayerSummary& row = summary.layers.emplace_back();
    row.name = layer.name;
    row.kind = layer.kind;
    row.output = layer.output.shape;
    for (const ParameterSpec& parameter : layer.parameters) {
      row.parameters += parameter.elements;
      if (parameter.role == ParameterSpec::Role::kTrained) summary.trained_parameters += parameter.elements;
    }
    row.forward_flops = layer.flops.forward;
    if (!IsView(layer) && !IsLoss(layer))
      row.output_bytes = layer.output.elements * static_cast<int64_t>(sizeof(float));
    summary.parameters += row.parameters;
  }
  summary.forward_flops = graph.ForwardFlops();
  summary.step_flops = graph.StepFlops();
  summary.batch = batch;
  const std::vector<BufferLife> lives = LivesOf(graph, batch);
  summary.tensor_bytes = static_cast<int64_t>(PlanMemory(lives, kAlignment).bytes);
  summary.tensor_bytes_without_reuse = static_cast<int64_t>(PlanWithoutReuse(lives, kAlignment).bytes);
  summary.parameter_bytes = 2 * summary.parameters * static_cast<int64_t>(sizeof(float));
  return summary;
}

std::string SummaryText(const ModelSummary& summary) {
  size_t name_width = 5, kind_width = 4, shape_width = 6;
  for (const LayerSummary& row : summary.layers) {
    name_width = std::max(name_width, row.name.size());
    kind_width = std::max(kind_width, row.kind.size());
    shape_width = std::max(shape_width, row.output.ToString().size());
  }
  const auto line = [&](const std::string& name, const std::string& kind, const std::string& shape,
                        const std::string& parameters, const std::string& flops, const std::string& bytes) {
    return absl::StrFormat("%-*s  %-*s  %-*s  %12s  %8s  %10s\n", static_cast<int>(name_width), name,
                           static_cast<int>(kind_width), kind, static_cast<int>(shape_width), shape, parameters, flops,
                           bytes);
  };
  std::string text = line("layer", "kind", "output", "parameters", "flop", "bytes");
  for (const LayerSummary& row : summary.layers) {
    absl::StrAppend(&text, line(row.name, row.kind, row.output.ToString(), absl::StrCat(row.parameters),
                                Count(row.forward_flops), Bytes(static_cast<double>(row.output_bytes))));
  }
  absl::StrAppend(&text, "\n", summary.name.empty() ? "" : absl::StrCat("model       ", summary.name, "\n"),
                  "parameters  ", summary.parameters);
  if (summary.trained_parameters != summary.parameters) {
    absl::StrAppend(&text, " (", summary.trained_parameters, " trained)");
  }
  absl::StrAppend(&text, "\nflop        ", Count(summary.forward_flops), " forward, ", Count(summary.step_flops),
                  " in a training step, for each example\n");
  absl::StrAppend(&text, "memory      ", Bytes(static_cast<double>(summary.tensor_bytes)),
                  " between layers for a training step of ", summary.batch, " (",
                  Bytes(static_cast<double>(summary.tensor_bytes_without_reuse)), " if nothing were used twice), ",
                  Bytes(static_cast<double>(summary.parameter_bytes)), " for weights and gradients\n");
  return text;
}

std::string SummaryJson(const ModelSummary& summary) {
  nlohmann::ordered_json json;
  json["name"] = summary.name;
  json["layers"] = nlohmann::ordered_json::array();
  for (const LayerSummary& row : summary.layers) {
    nlohmann::ordered_json layer;
    layer["name"] = row.name;
    layer["kind"] = row.kind;
    layer["output"] = std::vector<int64_t>(row.output.dims().begin(), row.output.dims().end());
    layer["parameters"] = row.parameters;
    layer["forward_flops"] = row.forward_flops;
    layer["output_bytes"] = row.output_bytes;
    json["layers"].push_back(std::move(layer));
  }
  json["parameters"] = summary.parameters;
  json["trained_parameters"] = summary.trained_parameters;
  json["forward_flops"] = summary.forward_flops;
  json["step_flops"] = summary.step_flops;
  json["batch"] = summary.batch;
  json["tensor_bytes"] = summary.tensor_bytes;
  json["tensor_bytes_without_reuse"] = summary.tensor_bytes_without_reuse;
  json["parameter_bytes"] = summary.parameter_bytes;
  return json.dump() + "\n";
}

}  // namespace downpour
