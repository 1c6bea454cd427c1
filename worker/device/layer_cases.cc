#include "worker/device/layer_cases.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace downpour::testing {
namespace {

// One layer on an input of a shape: "[7, 6, 4]", "conv2d { ... }".
LayerCase OnImage(const std::string& name, const std::string& shape, const std::string& layer) {
  return {.name = name,
          .model = absl::StrCat("input { name: 'x' shape: ", shape, " } layer { name: 'l' input: 'x' ", layer, " }")};
}

LayerCase WithTies(LayerCase layer_case) {
  layer_case.ties = true;
  return layer_case;
}

LayerCase Conv(const std::string& name, const std::string& shape, const std::string& options) {
  return OnImage(absl::StrCat("Conv2D", name), shape, absl::StrCat("conv2d { ", options, " }"));
}

// A loss of logits of a shape, with labels of a shape and type.
LayerCase Loss(const std::string& name, const std::string& shape, const std::string& labels, const std::string& layer,
               int64_t index_bound = 1) {
  return {.name = name,
          .model = absl::StrCat("input { name: 'x' shape: ", shape, " } input { name: 'y' ", labels,
                                " } layer { name: 'l' input: 'x' input: 'y' ", layer, " }"),
          .index_bound = index_bound};
}

LayerCase Two(const std::string& name, const std::string& shape_a, const std::string& shape_b,
              const std::string& layer) {
  return {.name = name,
          .model = absl::StrCat("input { name: 'a' shape: ", shape_a, " } input { name: 'b' shape: ", shape_b,
                                " } layer { name: 'l' input: 'a' input: 'b' ", layer, " }")};
}

}  // namespace

std::vector<LayerCase> LayerCases() {
  return {
      OnImage("Dense", "[7]", "dense { units: 5 }"),
      OnImage("DenseWide", "[67]", "dense { units: 35 }"),
      OnImage("DenseWithoutBias", "[6]", "dense { units: 4 without_bias: true }"),
      OnImage("DenseToOne", "[9]", "dense { units: 1 }"),
      Conv("Plain3x3", "[7, 6, 4]", "filters: 5 kernel: 3"),
      Conv("Same3x3", "[8, 8, 16]", "filters: 16 kernel: 3 padding: SAME"),
      Conv("Same3x3OddSize", "[9, 7, 5]", "filters: 6 kernel: 3 padding: SAME"),
      Conv("Same5x5", "[12, 12, 8]", "filters: 16 kernel: 5 padding: SAME"),
      Conv("Same5x5OddSize", "[10, 11, 3]", "filters: 9 kernel: 5 padding: SAME"),
      Conv("Valid5x5", "[9, 9, 2]", "filters: 6 kernel: 5 padding: VALID"),
      Conv("OneByOne", "[5, 4, 6]", "filters: 7 kernel: 1"),
      Conv("OneByOneStride2", "[6, 7, 6]", "filters: 7 kernel: 1 stride: 2"),
      Conv("SameStride2", "[8, 7, 4]", "filters: 6 kernel: 3 stride: 2 padding: SAME"),
      Conv("UnequalStrides", "[9, 8, 3]", "filters: 4 kernel: [3, 2] stride: [2, 3] padding: SAME"),
      Conv("UnequalKernel", "[6, 9, 3]", "filters: 4 kernel: [1, 4] padding: SAME"),
      Conv("ExplicitPadding", "[5, 5, 3]", "filters: 4 kernel: 3 explicit_padding: [2, 0, 1, 3]"),
      Conv("PaddingBeyondTheLastWindow", "[5, 5, 2]", "filters: 3 kernel: 2 stride: 3 explicit_padding: [0, 3, 4, 1]"),
      Conv("Dilated", "[9, 9, 3]", "filters: 4 kernel: 3 dilation: 2"),
      Conv("DilatedSameUnequal", "[8, 9, 3]", "filters: 4 kernel: 3 dilation: [3, 2] padding: SAME"),
      Conv("Groups", "[6, 6, 6]", "filters: 9 kernel: 3 groups: 3 padding: SAME"),
      Conv("Depthwise", "[6, 5, 4]", "filters: 8 kernel: 3 groups: 4 stride: 2 padding: SAME"),
      Conv("WithoutBias", "[5, 5, 3]", "filters: 4 kernel: 3 without_bias: true"),
      Conv("KernelAsLargeAsInput", "[4, 5, 3]", "filters: 4 kernel: [4, 5]"),
      Conv("OnePixelSame", "[1, 1, 3]", "filters: 4 kernel: 5 padding: SAME"),
      OnImage("MaxPool", "[6, 6, 3]", "max_pool { window: 2 }"),
      OnImage("MaxPoolOverlappingSame", "[8, 7, 5]", "max_pool { window: 3 stride: 2 padding: SAME }"),
      OnImage("MaxPoolUnequal", "[7, 9, 2]", "max_pool { window: [3, 2] stride: [1, 3] }"),
      OnImage("MaxPoolExplicitPadding", "[6, 6, 2]", "max_pool { window: 3 stride: 2 explicit_padding: 1 }"),
      WithTies(OnImage("MaxPoolOfEqualNumbers", "[8, 8, 4]", "max_pool { window: 3 stride: 2 padding: SAME }")),
      OnImage("AveragePool", "[6, 6, 3]", "average_pool { window: 2 }"),
      OnImage("AveragePoolSame", "[7, 8, 3]", "average_pool { window: 3 stride: 2 padding: SAME }"),
      OnImage("AveragePoolCountingPadding", "[7, 8, 3]",
              "average_pool { window: 3 stride: 2 padding: SAME count_padding: true }"),
      OnImage("GlobalAveragePool", "[5, 6, 7]", "global_pool { kind: AVERAGE }"),
      OnImage("GlobalMaxPool", "[5, 6, 7]", "global_pool { kind: MAX }"),
      WithTies(OnImage("GlobalMaxPoolOfEqualNumbers", "[5, 6, 3]", "global_pool { kind: MAX }")),
      OnImage("Relu", "[5, 5, 3]", "relu {}"),
      WithTies(OnImage("ReluOfZeros", "[5, 5, 3]", "relu {}")),
      OnImage("LeakyRelu", "[21]", "leaky_relu {}"),
      OnImage("LeakyReluSteep", "[21]", "leaky_relu { slope: 0.5 }"),
      WithTies(OnImage("LeakyReluOfZeros", "[21]", "leaky_relu { slope: 0.25 }")),
      OnImage("Gelu", "[21]", "gelu {}"),
      OnImage("GeluApproximate", "[21]", "gelu { approximate: true }"),
      OnImage("Tanh", "[4, 5]", "tanh {}"),
      OnImage("Sigmoid", "[21]", "sigmoid {}"),
      OnImage("Softmax", "[11]", "softmax {}"),
      OnImage("SoftmaxOfRows", "[3, 5]", "softmax {}"),
      OnImage("Lrn", "[4, 3, 16]", "lrn { radius: 4 bias: 1 alpha: 0.01 beta: 0.75 }"),
      OnImage("LrnStrong", "[2, 3, 7]", "lrn { radius: 2 bias: 2 alpha: 0.5 beta: 0.6 }"),
      OnImage("LrnWiderThanChannels", "[2, 2, 3]", "lrn { radius: 9 alpha: 0.1 }"),
      OnImage("LrnRadiusZero", "[2, 2, 3]", "lrn { radius: 0 alpha: 0.1 beta: 0.75 }"),
      OnImage("BatchNorm", "[4, 3, 6]", "batch_norm {}"),
      OnImage("BatchNormOfVectors", "[6]", "batch_norm { momentum: 0.3 epsilon: 0.01 }"),
      OnImage("BatchNormWithoutScale", "[3, 3, 4]", "batch_norm { without_scale: true }"),
      OnImage("BatchNormWithoutOffset", "[3, 3, 4]", "batch_norm { without_offset: true }"),
      OnImage("BatchNormBare", "[3, 3, 4]", "batch_norm { without_scale: true without_offset: true }"),
      OnImage("LayerNorm", "[3, 10]", "layer_norm {}"),
      OnImage("LayerNormOverAllAxes", "[3, 2, 5]", "layer_norm { axes: 3 epsilon: 0.01 }"),
      OnImage("LayerNormWithoutScale", "[10]", "layer_norm { without_scale: true }"),
      OnImage("LayerNormWithoutOffset", "[10]", "layer_norm { without_offset: true }"),
      OnImage("Dropout", "[5, 5, 3]", "dropout { rate: 0.4 }"),
      OnImage("DropoutOfNothing", "[11]", "dropout { rate: 0 }"),
      Two("Add", "[4, 3, 5]", "[4, 3, 5]", "add {}"),
      Two("Multiply", "[4, 3, 5]", "[4, 3, 5]", "multiply {}"),
      Two("ConcatChannels", "[3, 2, 4]", "[3, 2, 5]", "concat {}"),
      Two("ConcatRows", "[3, 2, 4]", "[1, 2, 4]", "concat { axis: 0 }"),
      Two("ConcatColumns", "[3, 2, 4]", "[3, 1, 4]", "concat { axis: -2 }"),
      {.name = "AddOfThree",
       .model = "input { name: 'a' shape: [5] } input { name: 'b' shape: [5] } input { name: 'c' shape: [5] } "
                "layer { name: 'l' input: 'a' input: 'b' input: 'c' add {} }"},
      {.name = "MultiplyOfThree",
       .model = "input { name: 'a' shape: [5] } input { name: 'b' shape: [5] } input { name: 'c' shape: [5] } "
                "layer { name: 'l' input: 'a' input: 'b' input: 'c' multiply {} }"},
      {.name = "ConcatOfThree",
       .model = "input { name: 'a' shape: [2] } input { name: 'b' shape: [1] } input { name: 'c' shape: [4] } "
                "layer { name: 'l' input: 'a' input: 'b' input: 'c' concat {} }"},
      {.name = "Embedding",
       .model = "input { name: 'x' dtype: INT32 } layer { name: 'l' input: 'x' embedding { rows: 4 width: 3 } }",
       .index_bound = 4},
      {.name = "EmbeddingOfSeveral",
       .model = "input { name: 'x' shape: [3, 2] dtype: INT32 } "
                "layer { name: 'l' input: 'x' embedding { rows: 6 width: 5 } }",
       .index_bound = 6},
      Loss("SoftmaxCrossEntropy", "[10]", "dtype: INT32", "softmax_cross_entropy {}", 10),
      Loss("SoftmaxCrossEntropySmoothedAndWeighted", "[7]", "shape: [1] dtype: INT32",
           "softmax_cross_entropy { label_smoothing: 0.1 weight: 0.3 }", 7),
      Loss("SigmoidCrossEntropy", "[1]", "", "sigmoid_cross_entropy {}"),
      Loss("SigmoidCrossEntropyOfSeveral", "[3, 2]", "shape: [3, 2]", "sigmoid_cross_entropy { weight: 2 }"),
      Loss("MeanSquaredError", "[4]", "shape: [4]", "mean_squared_error {}"),
      Loss("MeanSquaredErrorWeighted", "[]", "shape: [1]", "mean_squared_error { weight: 0.25 }"),
  };
}

std::vector<LayerCase> ChainCases() {
  const auto chain = [](const std::string& name, const std::string& shape, const std::string& layers) {
    return LayerCase{.name = name, .model = absl::StrCat("input { name: 'x' shape: ", shape, " } ", layers)};
  };
  const std::string same5 = "layer { name: 'c' input: 'x' conv2d { filters: 16 kernel: 5 padding: SAME } } ";
  const std::string same3 = "layer { name: 'c' input: 'x' conv2d { filters: 8 kernel: 3 padding: SAME } } ";
  const std::string relu = "layer { name: 'r' relu {} } ";
  const std::string pool = "layer { name: 'p' max_pool { window: 3 stride: 2 padding: SAME } } ";
  const std::string lrn = "layer { name: 'n' lrn { radius: 4 alpha: 0.001 beta: 0.75 } } ";
  return {
      chain("ConvRelu", "[9, 8, 6]", same3 + relu),
      chain("Conv5Relu", "[12, 10, 6]", same5 + relu),
      chain("ConvReluPool", "[9, 8, 6]", same3 + relu + pool),
      chain("ConvReluPoolLrn", "[12, 12, 3]", same5 + relu + pool + lrn),
      chain("ConvReluLrnPool", "[12, 12, 16]", same5 + relu + lrn + pool),
      chain("ConvReluPoolLrnOddSize", "[11, 13, 5]", same5 + relu + pool + lrn),
      chain("ConvReluLrnPoolOddSize", "[11, 13, 5]", same5 + relu + lrn + pool),
      chain("DenseRelu", "[37]", "layer { name: 'd' input: 'x' dense { units: 21 } } " + relu),
      chain("ConvBatchNormRelu", "[8, 8, 6]",
            "layer { name: 'c' input: 'x' conv2d { filters: 8 kernel: 3 padding: SAME without_bias: true } } "
            "layer { name: 'b' batch_norm {} } " +
                relu),
      {.name = "ConvBatchNormAddRelu",
       .model = "input { name: 'x' shape: [8, 8, 6] } input { name: 'y' shape: [8, 8, 8] } "
                "layer { name: 'c' input: 'x' conv2d { filters: 8 kernel: 3 padding: SAME without_bias: true } } "
                "layer { name: 'b' batch_norm {} } layer { name: 'a' input: 'b' input: 'y' add {} } " +
                relu},
      {.name = "DenseSoftmaxCrossEntropy",
       .model = "input { name: 'x' shape: [12] } input { name: 'y' dtype: INT32 } "
                "layer { name: 'd' input: 'x' dense { units: 10 } } "
                "layer { name: 'l' input: 'd' input: 'y' softmax_cross_entropy {} }",
       .index_bound = 10},
  };
}

std::shared_ptr<const Graph> GraphOf(const LayerCase& layer_case) {
  absl::StatusOr<Graph> graph = Graph::FromText(layer_case.model, layer_case.name);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return graph.ok() ? std::make_shared<const Graph>(*std::move(graph)) : nullptr;
}

}  // namespace downpour::testing
