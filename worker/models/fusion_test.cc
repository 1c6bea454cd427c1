#include "worker/models/fusion.h"

#include <gtest/gtest.h>

#include <string>

namespace downpour {
namespace {

Graph Parse(const std::string& text) {
  absl::StatusOr<Graph> graph = Graph::FromText(text, "test");
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

// The names of the nodes if the device fuses what `fuses` says, by kinds: "conv2d relu".
std::string Fused(const Graph& graph, const std::string& accepted, const std::vector<std::string>& kept = {}) {
  std::vector<bool> is_kept(graph.tensors().size());
  for (const std::string& name : kept) is_kept[*graph.FindTensor(name)] = true;
  std::string names;
  for (const Node& node : FusedNodes(graph, is_kept, [&](const std::vector<size_t>& layers) {
         std::string kinds;
         for (const size_t layer : layers) kinds += " " + graph.layers()[layer].kind;
         return accepted.find("(" + kinds.substr(1) + ")") != std::string::npos;
       })) {
    names += (names.empty() ? "" : " ") + NodeName(graph, node);
  }
  return names;
}

constexpr char kConvNet[] =
    "input { name: 'x' shape: [8, 8, 3] } "
    "layer { name: 'c' input: 'x' conv2d { filters: 4 kernel: 3 padding: SAME } } layer { name: 'r' relu {} } "
    "layer { name: 'p' max_pool { window: 2 } } layer { name: 'n' lrn {} } layer { name: 'f' flatten {} } "
    "layer { name: 'd' dense { units: 2 } } layer { name: 'r2' relu {} }";

TEST(FusionTest, TakesTheLongestChainThatTheDeviceHas) {
  const Graph graph = Parse(kConvNet);
  EXPECT_EQ(Fused(graph, ""), "c r p n f d r2");
  EXPECT_EQ(Fused(graph, "(conv2d relu)"), "c+r p n f d r2");
  EXPECT_EQ(Fused(graph, "(conv2d relu) (conv2d relu max_pool lrn) (dense relu)"), "c+r+p+n f d+r2");
  EXPECT_EQ(Fused(graph, "(relu max_pool)"), "c r+p n f d r2");
}

TEST(FusionTest, KeepsWhatIsAskedFor) {
  EXPECT_EQ(Fused(Parse(kConvNet), "(conv2d relu) (conv2d relu max_pool)", {"r"}), "c+r p n f d r2");
  EXPECT_EQ(Fused(Parse(kConvNet), "(conv2d relu)", {"c"}), "c r p n f d r2");
}

TEST(FusionTest, DoesNotHideWhatAnotherLayerTakes) {
  const Graph graph = Parse(
      "input { name: 'x' shape: [4] } layer { name: 'd' input: 'x' dense { units: 4 } } "
      "layer { name: 'r' relu {} } layer { name: 's' input: 'd' input: 'r' add {} }");
  EXPECT_EQ(Fused(graph, "(dense relu)"), "d r s");
}

TEST(FusionTest, FollowsTheFirstInputOnlyAndWaitsForTheOthers) {
  const Graph graph = Parse(
      "input { name: 'x' shape: [4] } layer { name: 'd' input: 'x' dense { units: 4 } } "
      "layer { name: 't' input: 'x' tanh {} } layer { name: 's' input: 'd' input: 't' add {} } "
      "layer { name: 'u' input: 'x' tanh {} } layer { name: 'v' input: 'u' input: 's' add {} }");
  EXPECT_EQ(Fused(graph, "(dense add) (dense add add)"), "t d+s u v");
  std::vector<bool> kept(graph.tensors().size());
  const std::vector<Node> nodes =
      FusedNodes(graph, kept, [](const std::vector<size_t>& layers) { return layers.size() == 2; });
  // Inputs: those of the dense layer, then the sum's second.
  EXPECT_EQ(nodes[1].inputs, (std::vector<TensorId>{*graph.FindTensor("x"), *graph.FindTensor("t")}));
}

}  // namespace
}  // namespace downpour
