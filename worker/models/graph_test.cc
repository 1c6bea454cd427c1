#include "worker/models/graph.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

constexpr char kImages[] = "input { name: 'images' shape: [24, 24, 3] } input { name: 'labels' dtype: INT32 }\n";

// Lines of layers on images and labels.
absl::StatusOr<Graph> OnImages(const std::string& layers) {
  return Graph::FromText(absl::StrCat(kImages, layers), "m.textproto");
}

TEST(GraphTest, HoldsTheReferenceNetworkWithItsShapesParametersAndFlops) {
  const absl::StatusOr<Graph> graph = OnImages(R"(
    layer { name: "conv1" input: "images" conv2d { filters: 64 kernel: 5 padding: SAME
            weights { initializer { truncated_normal { stddev: 0.05 } } } } }
    layer { name: "relu1" relu {} }
    layer { name: "pool1" max_pool { window: 3 stride: 2 padding: SAME } }
    layer { name: "norm1" lrn { radius: 4 bias: 1 alpha: 0.000111111 beta: 0.75 } }
    layer { name: "conv2" conv2d { filters: 64 kernel: 5 padding: SAME bias { initializer { constant { value: 0.1 } } } } }
    layer { name: "relu2" relu {} }
    layer { name: "norm2" lrn { radius: 4 bias: 1 alpha: 0.000111111 beta: 0.75 } }
    layer { name: "pool2" max_pool { window: 3 stride: 2 padding: SAME } }
    layer { name: "flat" flatten {} }
    layer { name: "dense1" dense { units: 384 weights { weight_decay: 0.004 learning_rate_multiplier: 2 } } }
    layer { name: "relu3" relu {} }
    layer { name: "dense2" dense { units: 192 } }
    layer { name: "relu4" relu {} }
    layer { name: "logits" dense { units: 10 } }
    layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
  )");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto shape = [&](const char* name) { return graph->tensors()[*graph->FindTensor(name)].type.shape; };
  EXPECT_EQ(shape("conv1"), Shape(24, 24, 64));
  EXPECT_EQ(shape("pool1"), Shape(12, 12, 64));
  EXPECT_EQ(shape("pool2"), Shape(6, 6, 64));
  EXPECT_EQ(shape("flat"), Shape(2304));
  EXPECT_EQ(shape("logits"), Shape(10));
  ASSERT_EQ(graph->parameters().size(), 10u);
  EXPECT_EQ(graph->parameters()[0].spec->name, "conv1/weights");
  EXPECT_EQ(graph->parameters()[0].spec->shape, Shape(5, 5, 3, 64));
  EXPECT_TRUE(graph->parameters()[0].spec->initializer.has_truncated_normal());
  EXPECT_TRUE(graph->parameters()[1].spec->initializer.has_zeros());
  EXPECT_EQ(graph->parameters()[3].spec->initializer.constant().value(), 0.1);
  EXPECT_EQ(graph->parameters()[4].spec->weight_decay, 0.004);
  EXPECT_EQ(graph->parameters()[4].spec->learning_rate_multiplier, 2);
  EXPECT_EQ(graph->parameters()[6].spec->weight_decay, std::nullopt);
  ASSERT_EQ(graph->outputs().size(), 1u);
  EXPECT_EQ(graph->tensors()[graph->outputs()[0]].name, "logits");
  // 87.4 MFLOP for each image without the taps in the padding, most of it in convolutions.
  EXPECT_NEAR(graph->StepFlops(), 87.4e6, 3e6);
}

TEST(GraphTest, MakesATableOfEachParameter) {
  const absl::StatusOr<Graph> graph = OnImages(
      "layer { name: 'g' input: 'images' global_pool {} } "
      "layer { name: 'd' dense { units: 10 } } "
      "layer { name: 'l' input: 'd' input: 'labels' softmax_cross_entropy {} }");
  ASSERT_TRUE(graph.ok()) << graph.status();
  const std::vector<TableSpec> tables = graph->Tables();
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].name, "d/weights");
  EXPECT_EQ(tables[0].shape, Shape(3, 10));
  EXPECT_EQ(tables[0].element_count, 30u);
  EXPECT_TRUE(tables[0].initializer.has_glorot_uniform());
  EXPECT_TRUE(TableSpec::FromProto(tables[0].ToProto()).ok());
}

TEST(GraphTest, TakesLayersInAnyOrder) {
  const absl::StatusOr<Graph> graph = OnImages(
      "layer { name: 'sum' input: 'a' input: 'b' add {} } "
      "layer { name: 'b' input: 'a' relu {} } "
      "layer { name: 'a' input: 'images' tanh {} } "
      "layer { name: 'g' input: 'sum' global_pool {} } "
      "layer { name: 'l' input: 'g' input: 'labels' softmax_cross_entropy {} }");
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::vector<std::string> names;
  for (const Layer& layer : graph->layers()) names.push_back(layer.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "sum", "g", "l"}));
  EXPECT_EQ(graph->ConsumerCount(*graph->FindTensor("a")), 2u);
}

TEST(GraphTest, PredictsWhatNobodyTakesWhereThereIsNoLoss) {
  const absl::StatusOr<Graph> graph = Graph::FromText(
      "input { name: 'x' shape: [4] } layer { name: 'a' input: 'x' relu {} } "
      "layer { name: 'b' input: 'x' tanh {} }",
      "m");
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->outputs().size(), 2u);
}

struct BadModel {
  std::string name;
  std::string layers;              // on kImages, from line 2 on
  std::vector<std::string> words;  // of the error
};

void PrintTo(const BadModel& model, std::ostream* out) { *out << model.name; }

class BadModelTest : public ::testing::TestWithParam<BadModel> {};

TEST_P(BadModelTest, IsRefusedWithWhatIsWrong) {
  const absl::StatusOr<Graph> graph = OnImages(GetParam().layers);
  ASSERT_FALSE(graph.ok());
  EXPECT_TRUE(absl::IsInvalidArgument(graph.status())) << graph.status();
  for (const std::string& word : GetParam().words) {
    EXPECT_NE(graph.status().message().find(word), std::string::npos) << graph.status().message() << "\nlacks " << word;
  }
}

const BadModel kBadModels[] = {
    {"TypoInAField", "layer { name: 'c' conv2d { filterz: 3 } }", {"m.textproto:2:", "filterz"}},
    {"TypoInAKind", "layer { name: 'c' input: 'images' conf2d {} }", {"m.textproto:2:", "conf2d"}},
    {"UnknownEnum", "layer { name: 'c' input: 'images' conv2d { padding: SOME } }", {"m.textproto:2:", "SOME"}},
    {"UnclosedBrace", "layer { name: 'c'\n", {"m.textproto:3:"}},
    {"NegativeForUnsigned", "layer { name: 'c' input: 'images' conv2d { filters: -1 } }", {"m.textproto:2:"}},
    {"NoKind", "layer { name: 'c' input: 'images' }", {"m.textproto:2:1: layer[0]: layer c has no kind"}},
    {"NoName", "layer { input: 'images' relu {} }", {"layer number 1 has no name"}},
    {"StrangeName", "layer { name: 'a b' input: 'images' relu {} }", {"\"a b\"", "letters"}},
    {"SameNameTwice",
     "layer { name: 'a' input: 'images' relu {} }\nlayer { name: 'a' relu {} }",
     {"m.textproto:3:1", "the name a is used twice"}},
    {"NameOfAnInput",
     "layer { name: 'images' input: 'images' relu {} }",
     {"the name images is used twice: by an input"}},
    {"UnknownInput",
     "layer { name: 'conv1' input: 'images' relu {} }\nlayer { name: 'b' input: 'comv1' relu {} }",
     {"m.textproto:3:1", "layer b takes \"comv1\"", "did you mean conv1?"}},
    {"NoInputForTheFirst", "layer { name: 'a' relu {} }", {"layer a is the first one and names no input"}},
    {"Cycle",
     "layer { name: 'a' input: 'images' input: 'c' add {} } layer { name: 'b' input: 'a' relu {} } "
     "layer { name: 'c' input: 'b' relu {} }",
     {"circle", "a <- c <- b <- a"}},
    {"TakesItself", "layer { name: 'a' input: 'a' relu {} }", {"circle: a <- a"}},
    {"TakesALoss",
     "layer { name: 'g' input: 'images' global_pool {} } "
     "layer { name: 'l' input: 'g' input: 'labels' softmax_cross_entropy {} } layer { name: 'r' relu {} }",
     {"layer r takes the loss l"}},
    {"UnusedLayer",
     "layer { name: 'g' input: 'images' global_pool {} } layer { name: 'r' input: 'g' relu {} } "
     "layer { name: 'l' input: 'g' input: 'labels' softmax_cross_entropy {} }",
     {"layer r is taken by no layer"}},
    {"UnusedInput", "layer { name: 'r' input: 'images' relu {} }", {"input labels is taken by no layer"}},
    {"UnknownOutput", "layer { name: 'r' input: 'images' relu {} } output: 'q'", {"the output \"q\""}},
    {"ShapesDiffer",
     "layer { name: 'p' input: 'images' max_pool { window: 2 } } layer { name: 's' input: 'images' input: 'p' add {} }",
     {"layer s (add)", "input p of shape [12, 12, 3]", "input images of shape [24, 24, 3]"}},
    {"DenseOnAnImage",
     "layer { name: 'd' input: 'images' dense { units: 3 } }",
     {"layer d (dense)", "input images of shape [24, 24, 3]", "flatten"}},
    {"DenseOnLabels", "layer { name: 'd' input: 'labels' dense { units: 3 } }", {"layer d", "labels", "INT32"}},
    {"LossOnRealLabels",
     "layer { name: 'g' input: 'images' global_pool {} } "
     "layer { name: 'l' input: 'g' input: 'g' softmax_cross_entropy {} }",
     {"layer l", "takes INT32"}},
    {"LossOnOneInput",
     "layer { name: 'g' input: 'images' global_pool {} } layer { name: 'l' softmax_cross_entropy {} }",
     {"layer l (softmax_cross_entropy): takes 2 inputs; 1 are given"}},
    {"KernelLargerThanInput",
     "layer { name: 'c' input: 'images' conv2d { filters: 3 kernel: 25 } }",
     {"layer c (conv2d)", "input images of shape [24, 24, 3]", "spans 25 in height", "input's 24"}},
    {"DilationLargerThanInput",
     "layer { name: 'c' input: 'images' conv2d { filters: 3 kernel: [3, 3] dilation: 12 } }",
     {"spans 25", "3 taps, dilation 12"}},
    {"WindowInThePaddingAlone",
     "layer { name: 'p' input: 'images' max_pool { window: 2 explicit_padding: 2 } }",
     {"layer p (max_pool)", "padding alone"}},
    {"KernelOfZero", "layer { name: 'c' input: 'images' conv2d { filters: 3 kernel: 0 } }", {"kernel is 0"}},
    {"StrideOfZero", "layer { name: 'c' input: 'images' conv2d { filters: 3 kernel: 3 stride: 0 } }", {"stride is 0"}},
    {"ThreeStrides",
     "layer { name: 'c' input: 'images' conv2d { filters: 3 kernel: 3 stride: [1, 1, 1] } }",
     {"stride has 3 numbers"}},
    {"NoKernel", "layer { name: 'c' input: 'images' conv2d { filters: 3 } }", {"kernel is missing"}},
    {"NoFilters", "layer { name: 'c' input: 'images' conv2d { kernel: 3 } }", {"filters is 0"}},
    {"TwoPaddings",
     "layer { name: 'c' input: 'images' conv2d { filters: 3 kernel: 3 padding: SAME explicit_padding: 1 } }",
     {"both padding and explicit_padding"}},
    {"GroupsThatDoNotDivide",
     "layer { name: 'c' input: 'images' conv2d { filters: 4 kernel: 3 groups: 2 } }",
     {"3 channels cannot be cut into 2"}},
    {"GroupsThatDoNotDivideFilters",
     "layer { name: 'c' input: 'images' conv2d { filters: 4 kernel: 3 groups: 3 } }",
     {"4 filters cannot be cut into 3"}},
    {"UnitsOfZero", "layer { name: 'f' input: 'images' flatten {} } layer { name: 'd' dense { } }", {"units is 0"}},
    {"BiasTwoWays",
     "layer { name: 'f' input: 'images' flatten {} } layer { name: 'd' dense { units: 2 bias {} without_bias: true } }",
     {"both bias and without_bias"}},
    {"TableBeyondAnyMachine",
     "layer { name: 'c' input: 'images' conv2d { filters: 1048576 kernel: 1048576 padding: SAME } }",
     {"layer c", "its weights", "more than"}},
    {"OutputBeyondAnyMachine",
     "layer { name: 'c' input: 'images' conv2d { filters: 1048576 kernel: 1 explicit_padding: 1000000 } }",
     {"layer c", "the output", "more than"}},
    {"DropoutOfAll", "layer { name: 'd' input: 'images' dropout { rate: 1 } }", {"rate is 1; it must be in [0, 1)"}},
    {"DropoutOfNan", "layer { name: 'd' input: 'images' dropout { rate: nan } }", {"rate is nan"}},
    {"EpsilonThatVanishes", "layer { name: 'b' input: 'images' batch_norm { epsilon: 1e-60 } }", {"epsilon is 1e-60"}},
    {"NegativeDecay",
     "layer { name: 'f' input: 'images' flatten {} } layer { name: 'd' dense { units: 2 weights { weight_decay: -1 } } "
     "}",
     {"weights.weight_decay is -1"}},
    {"InfiniteMultiplier",
     "layer { name: 'f' input: 'images' flatten {} } "
     "layer { name: 'd' dense { units: 2 bias { learning_rate_multiplier: inf } } }",
     {"bias.learning_rate_multiplier is inf"}},
    {"ReshapeThatDoesNotFit",
     "layer { name: 'r' input: 'images' reshape { shape: [5, -1] } }",
     {"layer r (reshape)", "1728 elements"}},
    {"ReshapeWithTwoOpenSizes", "layer { name: 'r' input: 'images' reshape { shape: [-1, -1] } }", {"one may be -1"}},
    {"ReshapeOverflow",
     "layer { name: 'r' input: 'images' reshape { shape: [4611686018427387904, 4611686018427387904] } }",
     {"layer r"}},
    {"ConcatAlongNoAxis", "layer { name: 'c' input: 'images' input: 'images' concat { axis: 3 } }", {"axis is 3"}},
    {"ConcatOfUnequal",
     "layer { name: 'p' input: 'images' max_pool { window: 2 } } "
     "layer { name: 'c' input: 'images' input: 'p' concat {} }",
     {"layer c (concat)", "[12, 12, 3]", "[24, 24, 3]"}},
    {"EmbeddingOfNoRows", "layer { name: 'e' input: 'labels' embedding { width: 2 } }", {"rows is 0"}},
    {"EmbeddingOfNumbers", "layer { name: 'e' input: 'images' embedding { rows: 2 width: 2 } }", {"takes INT32"}},
    {"LayerNormOverTooManyAxes", "layer { name: 'n' input: 'images' layer_norm { axes: 4 } }", {"axes is 4"}},
    {"SmoothingOfAll",
     "layer { name: 'g' input: 'images' global_pool {} } "
     "layer { name: 'l' input: 'g' input: 'labels' softmax_cross_entropy { label_smoothing: 1 } }",
     {"label_smoothing is 1"}},
    {"LossOfNoWeight",
     "layer { name: 'g' input: 'images' global_pool {} } "
     "layer { name: 'l' input: 'g' input: 'labels' softmax_cross_entropy { weight: 0 } }",
     {"weight is 0; it must be greater than 0"}},
};

INSTANTIATE_TEST_SUITE_P(Models, BadModelTest, ::testing::ValuesIn(kBadModels),
                         [](const auto& info) { return info.param.name; });

TEST(GraphTest, RefusesInputsThatMakeNoSense) {
  const auto error = [](const std::string& text) {
    return std::string(Graph::FromText(text + " layer { name: 'r' input: 'x' relu {} }", "m").status().message());
  };
  EXPECT_NE(
      error("input { name: 'x' shape: [4, 0] }").find("m:1:1: input[0]: input x: the shape [4, 0] has the size 0"),
      std::string::npos);
  EXPECT_NE(error("input { name: 'x' shape: [-4] }").find("size -4"), std::string::npos);
  EXPECT_NE(error("input { name: 'x' shape: [4294967296, 4294967296] }").find("more than"), std::string::npos);
  EXPECT_NE(error("input { name: 'x' shape: [1,1,1,1,1,1,1,1,1] }").find("9 axes"), std::string::npos);
  EXPECT_NE(error("input { name: 'x' dtype: FLOAT64 }").find("FLOAT64"), std::string::npos);
  EXPECT_NE(error("input { name: 'x' } input { name: 'x' }").find("described twice"), std::string::npos);
  EXPECT_NE(error("").find("has no input"), std::string::npos);
  EXPECT_NE(Graph::FromText("input { name: 'x' }", "m").status().message().find("no layer"), std::string::npos);
}

TEST(GraphTest, RefusesAModelOfTooManyLayersQuickly) {
  std::string text = kImages;
  for (size_t i = 0; i <= kModelLayersMax; ++i)
    absl::StrAppend(&text, "layer { name: 'l", i, "' input: 'images' relu {} }");
  EXPECT_NE(Graph::FromText(text, "m").status().message().find("at most 10000"), std::string::npos);
}

TEST(GraphTest, PadsAsTensorFlowDoes) {
  // (input, kernel, stride) -> (output, before, after), from tf.nn.conv2d's documentation.
  const int64_t cases[][6] = {{24, 5, 1, 24, 2, 2}, {24, 3, 2, 12, 0, 1}, {12, 3, 2, 6, 0, 1}, {7, 3, 2, 4, 1, 1},
                              {8, 2, 2, 4, 0, 0},   {5, 2, 3, 2, 0, 0},   {6, 4, 1, 6, 1, 2}};
  for (const auto& [input, kernel, stride, output, before, after] : cases) {
    const absl::StatusOr<Graph> graph = Graph::FromText(absl::StrCat("input { name: 'x' shape: [", input, ", ", input,
                                                                     ", 1] } layer { name: 'c' input: 'x' conv2d { "
                                                                     "filters: 1 kernel: ",
                                                                     kernel, " stride: ", stride, " padding: SAME } }"),
                                                        "m");
    ASSERT_TRUE(graph.ok()) << graph.status();
    const WindowAxis& axis = graph->layers()[0].As<Conv2D>()->window.height;
    EXPECT_EQ(axis.output, output) << input << " " << kernel << " " << stride;
    EXPECT_EQ(axis.before, before) << input << " " << kernel << " " << stride;
    EXPECT_EQ(axis.after, after) << input << " " << kernel << " " << stride;
  }
}

}  // namespace
}  // namespace downpour
