// The rewriting of a graph's layers to nodes that a device computes in one kernel each.
#ifndef DOWNPOUR_WORKER_MODELS_FUSION_H_
#define DOWNPOUR_WORKER_MODELS_FUSION_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "worker/models/graph.h"

namespace downpour {

// A chain of layers computed as one: each layer after the first takes the output of the one before as its input 0, and
// what lies between them exists nowhere.
struct Node {
  std::vector<size_t> layers;    // of the graph; never empty
  std::vector<TensorId> inputs;  // in the order of KernelSpec (worker/device/kernel.h)
  TensorId output = 0;
};

// "conv1", or "conv1+relu1+pool1" for a chain.
std::string NodeName(const Graph& graph, const Node& node);

// One node for each layer, in the graph's order.
std::vector<Node> UnfusedNodes(const Graph& graph);

// Nodes in an order in which they can be computed. From each layer on, in the graph's order, the longest chain is taken
// for which `fuses` says yes. A chain never crosses a tensor that another layer takes too, that is in `kept`, or a
// view.
std::vector<Node> FusedNodes(const Graph& graph, const std::vector<bool>& kept,
                             absl::FunctionRef<bool(const std::vector<size_t>& layers)> fuses);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_FUSION_H_
