#include "cli/step/lane_team.h"

#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "worker/device/reference/reference_device.h"

namespace downpour {
namespace {

constexpr char kModel[] = R"(
  input { name: "x" shape: 40 }
  input { name: "labels" dtype: INT32 }
  layer { name: "hidden" input: "x" dense { units: 19 weights { weight_decay: 0.25 } } }
  layer { name: "norm" batch_norm {} }
  layer { name: "act" tanh {} }
  layer { name: "logits" dense { units: 3 weights { learning_rate_multiplier: 2 } } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
)";

// A parameter that is updated in several pieces, the last of them a smaller one.
constexpr char kWideModel[] = R"(
  input { name: "x" shape: 301 }
  input { name: "labels" dtype: INT32 }
  layer { name: "logits" input: "x" dense { units: 251 weights { weight_decay: 0.25 } } }
  layer { name: "loss" input: "logits" input: "labels" softmax_cross_entropy {} }
)";

std::shared_ptr<const Graph> MakeGraph(const char* model = kModel) {
  absl::StatusOr<Graph> graph = Graph::FromText(model, "test");
  EXPECT_TRUE(graph.ok()) << graph.status();
  return std::make_shared<const Graph>(*std::move(graph));
}

LaneTeamOptions Options(int lanes) {
  return {.lanes = lanes, .batch = 8, .learning_rate = 0.125, .make_device = [](int) {
            return absl::StatusOr<std::unique_ptr<Device>>(MakeReferenceDevice());
          }};
}

std::unique_ptr<LaneTeam> MakeTeam(int lanes, const char* model = kModel) {
  absl::StatusOr<std::unique_ptr<LaneTeam>> team = LaneTeam::Create(MakeGraph(model), Options(lanes));
  EXPECT_TRUE(team.ok()) << team.status();
  return *std::move(team);
}

std::vector<float> Copy(const void* values, const ParameterSpec& spec) {
  const float* const floats = static_cast<const float*>(values);
  return {floats, floats + spec.elements};
}

TEST(LaneTeamTest, AStepIsSgdWithTheDecayAndTheRateOfTheModel) {
  const std::unique_ptr<LaneTeam> team = MakeTeam(1);
  Program& program = team->program();
  const auto parameters = program.graph().parameters();
  std::vector<std::vector<float>> before;
  for (size_t p = 0; p < parameters.size(); ++p) before.push_back(Copy(program.weights(p), *parameters[p].spec));
  ASSERT_EQ(team->Train(1), absl::OkStatus());
  for (size_t p = 0; p < parameters.size(); ++p) {
    const ParameterSpec& spec = *parameters[p].spec;
    const std::vector<float> after = Copy(program.weights(p), spec);
    const std::vector<float> gradient = Copy(program.gradient(p), spec);
    const bool trained = spec.role == ParameterSpec::Role::kTrained;
    const double rate = trained ? 0.125 * (spec.name == "logits/weights" ? 2 : 1) : 1;
    const double decay = spec.name == "hidden/weights" ? 0.25 : 0;
    double moved = 0;
    for (size_t i = 0; i < after.size(); ++i) {
      EXPECT_NEAR(after[i], before[p][i] - rate * (gradient[i] + decay * before[p][i]), 1e-6) << spec.name;
      moved += std::abs(after[i] - before[p][i]);
    }
    // A bias before batch norm changes nothing.
    if (spec.name != "hidden/bias") {
      EXPECT_GT(moved, 0) << spec.name;
    }
  }
}

TEST(LaneTeamTest, LanesMoveByTheMeanOfTheirGradientsAndStayTheSame) {
  const std::unique_ptr<LaneTeam> team = MakeTeam(3);
  Program& program = team->program();
  const auto parameters = program.graph().parameters();
  std::vector<std::vector<float>> before;
  for (size_t p = 0; p < parameters.size(); ++p) before.push_back(Copy(program.weights(p), *parameters[p].spec));
  ASSERT_EQ(team->Train(1), absl::OkStatus());

  // What each lane has of each parameter.
  std::vector<std::vector<std::vector<float>>> weights(3);
  std::vector<std::vector<std::vector<float>>> gradients(3);
  for (int lane = 0; lane < 3; ++lane) {
    for (size_t p = 0; p < parameters.size(); ++p) {
      weights[lane].push_back(Copy(team->program(lane).weights(p), *parameters[p].spec));
      gradients[lane].push_back(Copy(team->program(lane).gradient(p), *parameters[p].spec));
    }
  }
  EXPECT_EQ(weights[0], weights[1]);
  EXPECT_EQ(weights[0], weights[2]);
  EXPECT_NE(gradients[0], gradients[1]) << "they have examples of their own";
  const size_t logits_bias = 7;
  ASSERT_EQ(parameters[logits_bias].spec->name, "logits/bias");
  for (size_t i = 0; i < 3; ++i) {
    const double mean =
        (gradients[0][logits_bias][i] + gradients[1][logits_bias][i] + gradients[2][logits_bias][i]) / 3;
    EXPECT_NEAR(weights[0][logits_bias][i], before[logits_bias][i] - 0.125 * mean, 1e-6);
  }
}

TEST(LaneTeamTest, EveryElementOfALargeParameterMovesOnceInEachLane) {
  const std::unique_ptr<LaneTeam> team = MakeTeam(3, kWideModel);
  const ParameterSpec& spec = *team->program().graph().parameters()[0].spec;
  ASSERT_GT(spec.elements, 2 * 32768);
  const std::vector<float> before = Copy(team->program().weights(0), spec);
  ASSERT_EQ(team->Train(1), absl::OkStatus());
  std::vector<double> mean(before.size());
  for (int lane = 0; lane < 3; ++lane) {
    const std::vector<float> gradient = Copy(team->program(lane).gradient(0), spec);
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += gradient[i] / 3.0;
  }
  for (int lane = 0; lane < 3; ++lane) {
    const std::vector<float> after = Copy(team->program(lane).weights(0), spec);
    for (size_t i = 0; i < mean.size(); ++i) {
      ASSERT_NEAR(after[i], before[i] - 0.125 * (mean[i] + 0.25 * before[i]), 1e-6) << lane << ' ' << i;
    }
  }
}

TEST(LaneTeamTest, TheSameLanesGiveTheSameBits) {
  std::vector<std::vector<float>> weights;
  for (int round = 0; round < 2; ++round) {
    const std::unique_ptr<LaneTeam> team = MakeTeam(3, kWideModel);
    ASSERT_EQ(team->Train(3), absl::OkStatus());
    ASSERT_EQ(team->Train(2), absl::OkStatus());
    weights.push_back(Copy(team->program().weights(0), *team->program().graph().parameters()[0].spec));
  }
  EXPECT_EQ(weights[0], weights[1]);
}

TEST(LaneTeamTest, TheLossFalls) {
  for (const int lanes : {1, 2}) {
    const std::unique_ptr<LaneTeam> team = MakeTeam(lanes);
    EXPECT_EQ(team->examples(), 8 * lanes);
    ASSERT_EQ(team->Train(1), absl::OkStatus());
    const absl::StatusOr<double> first = team->Loss();
    ASSERT_EQ(team->Train(20), absl::OkStatus());
    const absl::StatusOr<double> last = team->Loss();
    ASSERT_TRUE(first.ok() && last.ok());
    EXPECT_LT(*last, 0.5 * *first);
  }
}

TEST(LaneTeamTest, ALaneWithoutADeviceIsAnError) {
  LaneTeamOptions options = Options(2);
  options.make_device = [](int lane) -> absl::StatusOr<std::unique_ptr<Device>> {
    if (lane == 1) return absl::ResourceExhaustedError("no second lane");
    return MakeReferenceDevice();
  };
  EXPECT_EQ(LaneTeam::Create(MakeGraph(), options).status(), absl::ResourceExhaustedError("no second lane"));
}

}  // namespace
}  // namespace downpour
