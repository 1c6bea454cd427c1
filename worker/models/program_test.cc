#include "worker/models/program.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/base/philox.h"
#include "worker/models/program_fixture.h"

namespace downpour::testing {
namespace {

// Branches, sums, views, shared tensors, two losses, a layer with state, and one that nothing trains.
constexpr char kTangled[] = R"(
  input { name: "images" shape: [6, 6, 2] }
  input { name: "word" dtype: INT32 }
  input { name: "labels" dtype: INT32 }
  input { name: "scores" shape: [3] }
  layer { name: "conv" input: "images" conv2d { filters: 4 kernel: 3 padding: SAME } }
  layer { name: "norm" batch_norm {} }
  layer { name: "relu" relu {} }
  layer { name: "conv2" conv2d { filters: 4 kernel: 3 padding: SAME without_bias: true } }
  layer { name: "sum" input: "conv2" input: "relu" add {} }
  layer { name: "relu2" relu {} }
  layer { name: "gate" input: "relu2" sigmoid {} }
  layer { name: "gated" input: "relu2" input: "gate" multiply {} }
  layer { name: "drop" dropout { rate: 0.25 } }
  layer { name: "pool" max_pool { window: 2 } }
  layer { name: "flat" flatten {} }
  layer { name: "embed" input: "word" embedding { rows: 5 width: 6 } }
  layer { name: "both" input: "flat" input: "embed" concat {} }
  layer { name: "twice" input: "both" input: "both" add {} }
  layer { name: "hidden" dense { units: 8 } }
  layer { name: "tanh" tanh {} }
  layer { name: "logits" input: "tanh" dense { units: 3 } }
  layer { name: "side" input: "hidden" dense { units: 3 } }
  layer { name: "shown" input: "tanh" dense { units: 2 } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy { label_smoothing: 0.1 } }
  layer { name: "side_loss" input: "side" input: "scores" mean_squared_error { weight: 0.5 } }
  output: "logits" output: "shown" output: "relu2"
)";

void ExpectSame(const StepTrace& a, const StepTrace& b) {
  ASSERT_EQ(a.losses.size(), b.losses.size());
  for (size_t i = 0; i < a.losses.size(); ++i) {
    EXPECT_DOUBLE_EQ(a.losses[i].loss, b.losses[i].loss);
    EXPECT_EQ(a.losses[i].correct, b.losses[i].correct);
  }
  const auto near = [](const std::vector<std::vector<double>>& x, const std::vector<std::vector<double>>& y) {
    ASSERT_EQ(x.size(), y.size());
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(x[i].size(), y[i].size());
      for (size_t k = 0; k < x[i].size(); ++k) ASSERT_NEAR(x[i][k], y[i][k], 1e-12) << "tensor " << i << " at " << k;
    }
  };
  near(a.outputs, b.outputs);
  near(a.gradients, b.gradients);
  near(a.input_gradients, b.input_gradients);
}

struct Variant {
  const char* name;
  ReferenceDeviceOptions device;
  bool fuse = false;
};

const Variant kVariants[] = {
    {"InPlace", {.in_place = true}},
    {"Accumulating", {.in_place = false, .accumulates = true}},
    {"InPlaceAndAccumulating", {.in_place = true, .accumulates = true}},
    {"Fused", {.fuses = true}, true},
    {"FusedAndAccumulating", {.fuses = true, .accumulates = true}, true},
    {"DeferredAndRecorded", {.deferred = true}},
    {"DeferredFusedAndRecorded", {.deferred = true, .fuses = true, .accumulates = true}, true},
};

class ProgramVariantTest : public ::testing::TestWithParam<Variant> {
 protected:
  static void CompareOn(const std::shared_ptr<const Graph>& graph, uint64_t seed, int64_t index_bound) {
    const ProgramOptions options{.batch_max = 4, .fuse = GetParam().fuse, .input_gradients = true, .seed = 9};
    ProgramOptions plain = options;
    plain.fuse = false;
    Replica expected(graph, {.in_place = false}, plain), actual(graph, GetParam().device, options);
    // The same steps again and again, so that recorded ones are replayed, with a smaller batch in between.
    for (const int64_t size : {4, 4, 3, 4, 1, 3, 3, 4}) {
      SCOPED_TRACE(absl::StrCat("batch ", size));
      expected.FillBatch(size, seed + static_cast<uint64_t>(size), index_bound);
      actual.FillBatch(size, seed + static_cast<uint64_t>(size), index_bound);
      ExpectSame(actual.Train(7), expected.Train(7));
      if (::testing::Test::HasFailure()) return;
    }
  }
};

TEST_P(ProgramVariantTest, ComputesWhatThePlainestWayDoes) { CompareOn(ParseGraph(kTangled), 1, 3); }

// Layers that keep the shape, each on one or two tensors that were made before.
std::shared_ptr<const Graph> RandomGraph(uint64_t seed) {
  PhiloxStream random(seed);
  std::string text = "input { name: 't0' shape: [3] } input { name: 'y' dtype: INT32 } ";
  const uint64_t layers = 3 + random.UniformInt(12);
  std::set<uint64_t> open;
  for (uint64_t i = 1; i <= layers; ++i) {
    // Mostly from the last few, so that there are long ways and short cuts.
    const auto pick = [&] { return i - 1 - random.UniformInt(std::min<uint64_t>(i, 4)); };
    const uint64_t a = pick(), b = pick();
    const char* const one[] = {
        "dense { units: 3 }",    "relu {}",   "tanh {}", "gelu {}", "reshape { shape: [3] }", "layer_norm {}",
        "dropout { rate: 0.3 }", "softmax {}"};
    const char* const two[] = {"add {}", "multiply {}"};
    const bool takes_two = random.UniformInt(3) == 0;
    absl::StrAppend(&text, "layer { name: 't", i, "' input: 't", a, "' ");
    if (takes_two) absl::StrAppend(&text, "input: 't", b, "' ");
    absl::StrAppend(&text, takes_two ? two[random.UniformInt(2)] : one[random.UniformInt(8)], " } ");
    open.erase(a);
    if (takes_two) open.erase(b);
    open.insert(i);
  }
  for (const uint64_t i : open) {
    if (i != 0) absl::StrAppend(&text, "output: 't", i, "' ");
  }
  absl::StrAppend(&text, "layer { name: 'logits' input: 't", layers, "' dense { units: 3 } } ",
                  "layer { name: 'loss' input: 'logits' input: 'y' softmax_cross_entropy {} }");
  // The first input is taken by t1 at the latest.
  return ParseGraph(text);
}

TEST_P(ProgramVariantTest, ComputesWhatThePlainestWayDoesForRandomGraphs) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const std::shared_ptr<const Graph> graph = RandomGraph(seed);
    if (graph == nullptr) return;
    CompareOn(graph, seed, 3);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ProgramVariantTest, ::testing::ValuesIn(kVariants),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ProgramTest, HasTheGradientsOfFiniteDifferencesThroughTheWholeGraph) {
  const auto graph = ParseGraph(kTangled);
  Replica replica(graph, {.accumulates = true}, {.batch_max = 3, .input_gradients = true});
  replica.FillBatch(3, 4, 3);
  const StepTrace trace = replica.Train(5);
  constexpr double kStep = 1e-5;
  const auto check = [&](const std::string& what, double* number, double gradient) {
    const double before = *number;
    *number = before + kStep;
    replica.program().WeightsChanged();
    const double above = replica.Loss(5);
    *number = before - kStep;
    replica.program().WeightsChanged();
    const double below = replica.Loss(5);
    *number = before;
    replica.program().WeightsChanged();
    EXPECT_NEAR(gradient, (above - below) / (2 * kStep), 1e-8) << what;
  };
  for (size_t p = 0; p < graph->parameters().size(); ++p) {
    const ParameterSpec& spec = *graph->parameters()[p].spec;
    if (spec.role != ParameterSpec::Role::kTrained) continue;
    for (int64_t i = 0; i < spec.elements; i += 1 + spec.elements / 7) {
      check(spec.name, replica.weights(p) + i, trace.gradients[p][static_cast<size_t>(i)]);
    }
  }
  for (size_t i = 0; i < 20; ++i) {
    check("images", static_cast<double*>(replica.input(0)) + i, trace.input_gradients[0][i]);
  }
}

TEST(ProgramTest, ReportsEachGradientOnceInItsOrderAndItIsThereWhenItsEventIsDone) {
  const auto graph = ParseGraph(kTangled);
  Replica expected(graph, {}, {.batch_max = 2});
  expected.FillBatch(2, 3, 3);
  const StepTrace right = expected.Train(1);
  for (const bool deferred : {false, true}) {
    Replica replica(graph, {.deferred = deferred}, {.batch_max = 2});
    replica.FillBatch(2, 3, 3);
    for (int round = 0; round < 4; ++round) {
      std::vector<size_t> order;
      ASSERT_TRUE(replica.program().Train(replica.batch(), 1, [&](size_t p) { order.push_back(p); }).ok());
      EXPECT_EQ(order, std::vector<size_t>(replica.program().gradient_order().begin(),
                                           replica.program().gradient_order().end()));
      EXPECT_EQ(std::set<size_t>(order.begin(), order.end()).size(), graph->parameters().size());
      for (const size_t p : order) {
        ASSERT_TRUE(replica.program().gradient_event(p).Wait().ok());
        for (size_t i = 0; i < right.gradients[p].size(); ++i) {
          ASSERT_NEAR(static_cast<double*>(replica.program().gradient(p))[i], right.gradients[p][i], 1e-12)
              << graph->parameters()[p].spec->name;
        }
      }
      ASSERT_TRUE(replica.program().finished_event().Wait().ok());
      std::fill_n(static_cast<double*>(replica.program().gradients_block()),
                  replica.program().block_bytes() / sizeof(double), 0.0);
    }
  }
}

TEST(ProgramTest, CompletesTheGradientsOfLateLayersFirst) {
  const auto graph = ParseGraph(
      "input { name: 'x' shape: [3] } input { name: 'y' dtype: INT32 } layer { name: 'a' input: 'x' dense { units: 3 } "
      "} "
      "layer { name: 'b' dense { units: 3 } } layer { name: 'l' input: 'b' input: 'y' softmax_cross_entropy {} }");
  Replica replica(graph, {}, {.batch_max = 2});
  const auto order = replica.program().gradient_order();
  EXPECT_EQ(std::vector<size_t>(order.begin(), order.end()), (std::vector<size_t>{2, 3, 0, 1}));
}

TEST(ProgramTest, LeavesUpdatesOfRunningStatisticsWhereGradientsAre) {
  const auto graph = ParseGraph(
      "input { name: 'x' shape: [1] } input { name: 'y' shape: [1] } "
      "layer { name: 'b' input: 'x' batch_norm { momentum: 0.5 without_scale: true without_offset: true } } "
      "layer { name: 'l' input: 'b' input: 'y' mean_squared_error {} }");
  Replica replica(graph, {}, {.batch_max = 2});
  replica.FillBatch(2, 1);
  static_cast<double*>(replica.input(0))[0] = 1;
  static_cast<double*>(replica.input(0))[1] = 3;
  replica.weights(0)[0] = 10;  // mean
  replica.weights(1)[0] = 4;   // variance
  replica.program().WeightsChanged();
  const StepTrace trace = replica.Train(0);
  EXPECT_DOUBLE_EQ(trace.gradients[0][0], 0.5 * (10 - 2));
  EXPECT_DOUBLE_EQ(trace.gradients[1][0], 0.5 * (4 - 2));
}

TEST(ProgramTest, DropsOtherElementsInAnotherStepAndNoneInEvaluation) {
  const auto graph = ParseGraph(
      "input { name: 'x' shape: [50] } input { name: 'y' shape: [50] } "
      "layer { name: 'd' input: 'x' dropout { rate: 0.5 } } "
      "layer { name: 'l' input: 'd' input: 'y' mean_squared_error {} } ");
  Replica replica(graph, {}, {.batch_max = 2, .input_gradients = true, .seed = 3});
  replica.FillBatch(2, 1);
  const StepTrace one = replica.Train(1), again = replica.Train(1), two = replica.Train(2);
  EXPECT_EQ(one.outputs, again.outputs);
  EXPECT_NE(one.outputs, two.outputs);
  ASSERT_TRUE(replica.program().Evaluate(replica.batch()).ok());
  const auto* const output = static_cast<const double*>(replica.program().output(0));
  for (size_t i = 0; i < 100; ++i) EXPECT_EQ(output[i], static_cast<double*>(replica.input(0))[i]);
}

TEST(ProgramTest, EvaluatesInLessMemoryWithoutTraining) {
  const auto graph = ParseGraph(kTangled);
  Replica training(graph, {}, {.batch_max = 4});
  Replica evaluating(graph, {}, {.batch_max = 4, .training = false});
  training.FillBatch(3, 1, 3);
  evaluating.FillBatch(3, 1, 3);
  ASSERT_TRUE(training.program().Evaluate(training.batch()).ok());
  ASSERT_TRUE(evaluating.program().Evaluate(evaluating.batch()).ok());
  EXPECT_DOUBLE_EQ(training.program().Result()->loss, evaluating.program().Result()->loss);
  EXPECT_LT(evaluating.program().memory().tensors, training.program().memory().tensors);
  EXPECT_LT(training.program().memory().tensors, training.program().memory().tensors_unplanned);
  EXPECT_EQ(evaluating.program().memory().gradients, 0u);
  EXPECT_TRUE(absl::IsFailedPrecondition(evaluating.program().Train(evaluating.batch(), 0)));
}

TEST(ProgramTest, KeepsTheResultsOfTheLastSteps) {
  Replica replica(ParseGraph(kTangled), {.deferred = true}, {.batch_max = 4});
  EXPECT_TRUE(absl::IsFailedPrecondition(replica.program().Result().status()));
  std::vector<double> losses;
  for (int64_t step = 0; step < 6; ++step) {
    replica.FillBatch(1 + step % 4, static_cast<uint64_t>(step), 3);
    losses.push_back(replica.Loss(0));
  }
  for (size_t ago = 0; ago < Program::kResultsKept; ++ago) {
    const absl::StatusOr<StepResult> result = replica.program().Result(ago);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->loss, losses[5 - ago]);
    EXPECT_EQ(result->examples, 1 + (5 - static_cast<int64_t>(ago)) % 4);
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(replica.program().Result(Program::kResultsKept).status()));
}

TEST(ProgramTest, NamesTheFirstTensorWithANonFiniteValue) {
  for (const bool deferred : {false, true}) {
    Replica replica(ParseGraph(kTangled), {.deferred = deferred}, {.batch_max = 2});
    replica.FillBatch(2, 1, 3);
    EXPECT_EQ(replica.program().FindNonFinite(replica.batch(), 1).value(), "");
    const auto spoil = [&](double* number, double value) {
      const double before = *number;
      *number = value;
      replica.program().WeightsChanged();
      const absl::StatusOr<std::string> found = replica.program().FindNonFinite(replica.batch(), 1);
      *number = before;
      replica.program().WeightsChanged();
      return found.value();
    };
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    EXPECT_EQ(spoil(static_cast<double*>(replica.input(0)) + 7, NAN), "input images");
    EXPECT_EQ(spoil(replica.weights(0), kInfinity), "weights conv/weights");
    const size_t embedding = 7;
    EXPECT_EQ(replica.program().graph().parameters()[embedding].spec->name, "embed/weights");
    std::fill_n(replica.weights(embedding), 30, 1e308);  // finite, but not twice as much
    EXPECT_EQ(spoil(replica.weights(0), 0), "output of layer twice");
    std::fill_n(replica.weights(embedding), 30, 0.1);
    EXPECT_EQ(spoil(static_cast<double*>(replica.input(3)), 1e200), "output of layer side_loss");
  }
}

TEST(ProgramTest, TimesEachNode) {
  Replica replica(ParseGraph(kTangled), {.deferred = true, .fuses = true}, {.batch_max = 2});
  replica.FillBatch(2, 1, 3);
  const auto times = replica.program().TimeNodes(replica.batch(), 1, 2);
  ASSERT_TRUE(times.ok()) << times.status();
  ASSERT_EQ(times->size(), replica.program().nodes().size());
  double total = 0;
  for (const NodeTime& time : *times) total += time.forward_seconds + time.backward_seconds;
  EXPECT_GT(total, 0);
  EXPECT_EQ((*times)[0].name, "conv+norm+relu");
}

TEST(ProgramTest, RefusesBatchesThatAreNotOfTheProgram) {
  Replica replica(ParseGraph(kTangled), {}, {.batch_max = 2});
  Batch batch = replica.FillBatch(2, 1, 3);
  const auto message = [&] { return std::string(replica.program().Train(batch, 0).message()); };
  batch.size = 3;
  EXPECT_EQ(message(), "the batch has 3 examples; this program takes 1 to 2");
  batch.size = 0;
  EXPECT_NE(message().find("0 examples"), std::string::npos);
  batch.size = 2;
  batch.inputs[1] = nullptr;
  EXPECT_NE(message().find("word"), std::string::npos);
  batch.inputs.pop_back();
  EXPECT_NE(message().find("3 inputs; the model takes 4"), std::string::npos);
}

TEST(ProgramTest, SaysWhatThereIsNoMemoryForAndKeepsNone) {
  const auto graph = ParseGraph(kTangled);
  const std::unique_ptr<Device> device = MakeReferenceDevice({.memory_max = 20'000});
  const auto program = Program::Create(graph, device.get(), {.batch_max = 64});
  ASSERT_FALSE(program.ok());
  EXPECT_TRUE(absl::IsResourceExhausted(program.status()));
  EXPECT_NE(program.status().message().find("tensors between layers of a batch of 64"), std::string::npos)
      << program.status();
  EXPECT_TRUE(device->Allocate(20'000, "all of it").ok());
}

TEST(ProgramTest, RefusesWhatCannotBeTrainedOrHeld) {
  const std::unique_ptr<Device> device = MakeReferenceDevice();
  const auto no_loss = ParseGraph("input { name: 'x' shape: [3] } layer { name: 'a' input: 'x' dense { units: 3 } }");
  EXPECT_NE(Program::Create(no_loss, device.get(), {}).status().message().find("no loss"), std::string::npos);
  EXPECT_TRUE(Program::Create(no_loss, device.get(), {.training = false}).ok());
  EXPECT_FALSE(Program::Create(no_loss, device.get(), {.batch_max = 0, .training = false}).ok());
  EXPECT_NE(
      Program::Create(no_loss, device.get(), {.batch_max = std::numeric_limits<int64_t>::max(), .training = false})
          .status()
          .message()
          .find("make the batch smaller"),
      std::string::npos);
}

TEST(ProgramTest, StopsWithTheDevicesErrorAndItsLayer) {
  Replica replica(ParseGraph(kTangled), {}, {.batch_max = 2});
  replica.FillBatch(2, 1, 3);
  static_cast<int32_t*>(replica.input(1))[0] = 99;
  const absl::Status status = replica.program().Train(replica.batch(), 0);
  EXPECT_NE(status.message().find("embed"), std::string::npos) << status;
  EXPECT_EQ(replica.program().Train(replica.batch(), 0), status);
}

}  // namespace
}  // namespace downpour::testing
