#include "worker/models/fusion.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

Node MakeNode(const Graph& graph, std::vector<size_t> layers) {
  Node node;
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto inputs = graph.InputsOf(layers[i]);
    node.inputs.insert(node.inputs.end(), inputs.begin() + (i == 0 ? 0 : 1), inputs.end());
  }
  node.output = graph.OutputOf(layers.back());
  node.layers = std::move(layers);
  return node;
}

// For each tensor the layer that takes it, if exactly one does, once.
std::vector<std::optional<size_t>> SoleConsumers(const Graph& graph) {
  std::vector<std::optional<size_t>> consumers(graph.tensors().size());
  for (size_t layer = 0; layer < graph.layers().size(); ++layer) {
    for (const TensorId input : graph.InputsOf(layer)) {
      if (graph.ConsumerCount(input) == 1) consumers[input] = layer;
    }
  }
  return consumers;
}

}  // namespace

std::string NodeName(const Graph& graph, const Node& node) {
  std::string name;
  for (const size_t layer : node.layers) absl::StrAppend(&name, name.empty() ? "" : "+", graph.layers()[layer].name);
  return name;
}

std::vector<Node> UnfusedNodes(const Graph& graph) {
  std::vector<Node> nodes;
  for (size_t layer = 0; layer < graph.layers().size(); ++layer) nodes.push_back(MakeNode(graph, {layer}));
  return nodes;
}

std::vector<Node> FusedNodes(const Graph& graph, const std::vector<bool>& kept,
                             absl::FunctionRef<bool(const std::vector<size_t>& layers)> fuses) {
  const std::vector<std::optional<size_t>> sole_consumers = SoleConsumers(graph);
  std::vector<bool> taken(graph.layers().size());
  // A chain is computed where its last layer stands: all that it takes is there, and nobody takes it earlier.
  std::vector<std::optional<Node>> node_at(graph.layers().size());
  for (size_t first = 0; first < graph.layers().size(); ++first) {
    if (taken[first]) continue;
    std::vector<size_t> chain = {first};
    std::vector<size_t> best = chain;
    while (!IsView(graph.layers()[chain.back()])) {
      const TensorId output = graph.OutputOf(chain.back());
      const std::optional<size_t> next = sole_consumers[output];
      if (kept[output] || !next.has_value() || taken[*next] || IsView(graph.layers()[*next]) ||
          graph.InputsOf(*next)[0] != output) {
        break;
      }
      chain.push_back(*next);
      if (fuses(chain)) best = chain;
    }
    for (const size_t layer : best) taken[layer] = true;
    const size_t place = best.back();
    node_at[place] = MakeNode(graph, std::move(best));
  }
  std::vector<Node> nodes;
  for (std::optional<Node>& node : node_at) {
    if (node.has_value()) nodes.push_back(*std::move(node));
  }
  return nodes;
}

}  // namespace downpour
