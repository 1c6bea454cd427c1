#include "worker/models/summary.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace downpour {
namespace {

Graph Example() {
  absl::StatusOr<Graph> graph = Graph::FromText(
      "name: 'example' input { name: 'x' shape: [4, 4, 2] } input { name: 'y' dtype: INT32 } "
      "layer { name: 'c' input: 'x' conv2d { filters: 3 kernel: 3 padding: SAME } } layer { name: 'b' batch_norm {} } "
      "layer { name: 'f' flatten {} } layer { name: 'd' dense { units: 10 } } "
      "layer { name: 'l' input: 'd' input: 'y' softmax_cross_entropy {} }",
      "example");
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

TEST(SummaryTest, CountsParametersFlopsAndBytes) {
  const ModelSummary summary = Summarize(Example(), 8);
  EXPECT_EQ(summary.parameters, 3 * 3 * 2 * 3 + 3 + 4 * 3 + 48 * 10 + 10);
  EXPECT_EQ(summary.trained_parameters, summary.parameters - 2 * 3);
  EXPECT_EQ(summary.layers[0].output, Shape(4, 4, 3));
  EXPECT_EQ(summary.layers[0].output_bytes, 4 * 4 * 3 * 4);
  // Of the 16 windows of 9 taps, those in the padding are left out: 10 of 12 taps along each side.
  EXPECT_EQ(summary.layers[0].forward_flops, 2.0 * 10 * 10 * 2 * 3);
  EXPECT_EQ(summary.layers[2].output_bytes, 0) << "a view takes no memory";
  EXPECT_GT(summary.step_flops, 2 * summary.forward_flops);
  EXPECT_LT(summary.tensor_bytes, summary.tensor_bytes_without_reuse);
}

TEST(SummaryTest, WritesJsonThatAParserReadsBack) {
  const auto json = nlohmann::json::parse(SummaryJson(Summarize(Example(), 8)));
  EXPECT_EQ(json["name"], "example");
  EXPECT_EQ(json["layers"].size(), 5u);
  EXPECT_EQ(json["layers"][0]["output"], (std::vector<int>{4, 4, 3}));
  EXPECT_EQ(json["batch"], 8);
}

TEST(SummaryTest, WritesATableThatLinesUp) {
  const std::string text = SummaryText(Summarize(Example(), 8));
  EXPECT_NE(text.find("c      conv2d                 [4, 4, 3]"), std::string::npos) << text;
  EXPECT_NE(text.find("parameters  559 (553 trained)"), std::string::npos) << text;
}

}  // namespace
}  // namespace downpour
