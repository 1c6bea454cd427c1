#include "server/optimizer/optimizer.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

absl::StatusOr<std::unique_ptr<const Optimizer>> TryMake(const std::string& text) {
  OptimizerConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  return Optimizer::Create(config);
}

std::unique_ptr<const Optimizer> Make(const std::string& text) {
  auto optimizer = TryMake(text);
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  return *std::move(optimizer);
}

std::string ErrorOf(const std::string& text) {
  const auto optimizer = TryMake(text);
  if (optimizer.ok()) return "no error";
  EXPECT_EQ(optimizer.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(optimizer.status().message());
}

std::vector<std::pair<std::string, float>> SlotsOf(const std::string& text) {
  const auto optimizer = Make(text);
  std::vector<std::pair<std::string, float>> slots;
  for (int i = 0; i < optimizer->slot_count(); ++i) {
    slots.emplace_back(optimizer->slot_name(i), optimizer->slot_initial(i));
  }
  return slots;
}

TEST(OptimizerTest, NamesTheSlotsOfEachRuleInTheOrderOfTheKernels) {
  EXPECT_THAT(SlotsOf("sgd {}"), IsEmpty());
  EXPECT_THAT(SlotsOf("momentum {}"), ElementsAre(Pair("velocity", 0)));
  EXPECT_THAT(SlotsOf("nesterov {}"), ElementsAre(Pair("velocity", 0)));
  EXPECT_THAT(SlotsOf("adagrad { initial_accumulator_value: 0.5 }"), ElementsAre(Pair("sum_of_squares", 0.5f)));
  EXPECT_THAT(SlotsOf("rmsprop {}"), ElementsAre(Pair("mean_square", 0)));
  EXPECT_THAT(SlotsOf("rmsprop { momentum: 0.5 }"), ElementsAre(Pair("mean_square", 0), Pair("velocity", 0)));
  EXPECT_THAT(SlotsOf("rmsprop { centered: true }"), ElementsAre(Pair("mean_square", 0), Pair("mean", 0)));
  EXPECT_THAT(SlotsOf("rmsprop { momentum: 0.5 centered: true }"),
              ElementsAre(Pair("mean_square", 0), Pair("velocity", 0), Pair("mean", 0)));
  for (const char* const rule : {"adam {}", "adamw {}", "lamb {}"}) {
    EXPECT_THAT(SlotsOf(rule), ElementsAre(Pair("first_moment", 0), Pair("second_moment", 0))) << rule;
  }
  EXPECT_THAT(SlotsOf("ftrl { initial_accumulator_value: 0.1 }"), ElementsAre(Pair("n", 0.1f), Pair("z", 0)));
}

TEST(OptimizerTest, AsksOnlyForWhatItNeeds) {
  const auto plain = Make("sgd {}");
  EXPECT_FALSE(plain->has_average());
  EXPECT_FALSE(plain->needs_pulled_weights());
  EXPECT_FALSE(plain->needs_gradient_norm());
  const auto full =
      Make("sgd {} average { decay: 0.9 } delay_compensation { lambda: 0.1 } clipping { by_table_norm: 1 }");
  EXPECT_TRUE(full->has_average());
  EXPECT_TRUE(full->needs_pulled_weights());
  EXPECT_TRUE(full->needs_gradient_norm());
  EXPECT_FALSE(Make("sgd {} delay_compensation { lambda: 0 }")->needs_pulled_weights());
  EXPECT_FALSE(Make("sgd {} clipping { by_value: 1 }")->needs_gradient_norm());
}

TEST(OptimizerTest, ScalesTheRateOfAStaleUpdate) {
  EXPECT_FLOAT_EQ(Make("sgd { learning_rate: 0.5 }")->Prepare({.rate_scale = 0.25}).rate, 0.125f);
  const UpdateScalars adamw = Make("adamw { learning_rate: 0.5 } weight_decay: 0.1")->Prepare({.rate_scale = 0.25});
  EXPECT_FLOAT_EQ(adamw.rate, 0.125f / (1 - 0.9f));
  EXPECT_FLOAT_EQ(adamw.decay_factor, 1 - 0.125f * 0.1f) << "decoupled decay goes with the rate";
  EXPECT_EQ(adamw.weight_decay, 0);
}

TEST(OptimizerTest, ScalesTheGradientOfAStaleFtrlUpdateSinceItsRateIsFixed) {
  const UpdateScalars scalars =
      Make("ftrl { learning_rate: 0.5 }")->Prepare({.rate_scale = 0.25, .gradient_scale = 0.5});
  EXPECT_EQ(scalars.rate, 0.5f);
  EXPECT_EQ(scalars.gradient_scale, 0.125f);
}

TEST(OptimizerTest, ClipsByTheNormOfTheScaledGradient) {
  const auto optimizer = Make("sgd {} clipping { by_table_norm: 2 by_value: 0.5 }");
  const UpdateScalars averaged = optimizer->Prepare({.gradient_scale = 0.25, .gradient_squared_norm = 256.0});
  EXPECT_FLOAT_EQ(averaged.gradient_scale, 0.25f * 2 / 4);
  EXPECT_EQ(averaged.clip_value, 0.5f);
  EXPECT_EQ(optimizer->Prepare({.gradient_scale = 0.25, .gradient_squared_norm = 49.0}).gradient_scale, 0.25f)
      << "a short gradient is left alone";
  EXPECT_EQ(optimizer->Prepare({.gradient_squared_norm = 0.0}).gradient_scale, 1);
}

TEST(OptimizerTest, RampsTheMovingAverageUpToItsDecay) {
  const auto optimizer = Make("sgd {} average { decay: 0.9999 }");
  EXPECT_DOUBLE_EQ(optimizer->Prepare({.step = 0}).average_decay, 2.0 / 11);
  EXPECT_DOUBLE_EQ(optimizer->Prepare({.step = 89}).average_decay, 91.0 / 100);
  EXPECT_DOUBLE_EQ(optimizer->Prepare({.step = 1'000'000}).average_decay, 0.9999);
}

TEST(OptimizerTest, DampensEveryStepButTheFirst) {
  const auto optimizer = Make("momentum { dampening: 0.25 }");
  EXPECT_EQ(optimizer->Prepare({.step = 0}).gradient_weight, 1);
  EXPECT_EQ(optimizer->Prepare({.step = 1}).gradient_weight, 0.75f);
}

TEST(OptimizerTest, GivesTheTrustRatioOnlyWhereBothNormsArePositive) {
  const UpdateScalars moments = {.rate = 0.5f};
  EXPECT_EQ(WithTrustRatio(moments, {.weight_squared = 16, .update_squared = 4}).rate, 1.0f);
  EXPECT_EQ(WithTrustRatio(moments, {.weight_squared = 0, .update_squared = 4}).rate, 0.5f);
  EXPECT_EQ(WithTrustRatio(moments, {.weight_squared = 16, .update_squared = 0}).rate, 0.5f);
}

TEST(OptimizerTest, StaysFiniteAtAnyStep) {
  for (const char* const text : {"adam {}", "lamb {}", "adagrad { learning_rate_decay: 1e30 }",
                                 "adam { beta1: 0 beta2: 0 }", "adamw { beta1: 0.9999999 beta2: 0.9999999 }"}) {
    for (const uint64_t step : {uint64_t{0}, uint64_t{1} << 40, UINT64_MAX}) {
      const UpdateScalars scalars = Make(text)->Prepare({.step = step});
      EXPECT_TRUE(std::isfinite(scalars.rate)) << text << " at " << step;
      EXPECT_TRUE(std::isfinite(scalars.denominator_scale)) << text << " at " << step;
      EXPECT_TRUE(std::isfinite(scalars.moment_scale)) << text << " at " << step;
    }
  }
}

TEST(OptimizerTest, DividesTheScheduledRateByAdagradsOwnDecay) {
  const auto optimizer =
      Make("adagrad { learning_rate: 0.8 learning_rate_decay: 0.5 } schedule { step { step_size: 2 gamma: 0.5 } }");
  EXPECT_DOUBLE_EQ(optimizer->rate(0), 0.8);
  EXPECT_DOUBLE_EQ(optimizer->rate(2), 0.8 * 0.5 / 2);
  EXPECT_FLOAT_EQ(optimizer->Prepare({.step = 2}).rate, 0.2f);
}

TEST(OptimizerTest, RefusesAConfigurationWithoutARule) {
  EXPECT_THAT(ErrorOf("weight_decay: 0.1"), HasSubstr("optimizer has no rule; give one of sgd, momentum"));
}

TEST(OptimizerTest, RefusesWhatIsOutOfRangeAndSaysWhere) {
  EXPECT_EQ(ErrorOf("sgd { learning_rate: -0.1 }"), "optimizer.sgd.learning_rate is -0.1; it must be in [0, inf)");
  EXPECT_EQ(ErrorOf("momentum { momentum: 1 }"), "optimizer.momentum.momentum is 1; it must be in [0, 1)");
  EXPECT_EQ(ErrorOf("momentum { momentum: 0.9999999999 }"),
            "optimizer.momentum.momentum is 0.9999999999; it must be in [0, 1) as a float32");
  EXPECT_EQ(ErrorOf("momentum { dampening: 2 }"), "optimizer.momentum.dampening is 2; it must be in [0, 1]");
  EXPECT_EQ(ErrorOf("adam { eps: 1e-60 }"), "optimizer.adam.eps is 1e-60; it must be in (0, inf) as a float32");
  EXPECT_EQ(ErrorOf("adamw { learning_rate: 1e39 }"),
            "optimizer.adamw.learning_rate is 1e+39; it must be in [0, inf) as a float32");
  EXPECT_EQ(ErrorOf("lamb { beta2: 1.5 }"), "optimizer.lamb.beta2 is 1.5; it must be in [0, 1)");
  EXPECT_EQ(ErrorOf("ftrl { beta: 0 }"),
            "optimizer.ftrl.beta + l2 + initial_accumulator_value is 0; it must be in (0, inf)");
  EXPECT_EQ(ErrorOf("sgd {} weight_decay: -1"), "optimizer.weight_decay is -1; it must be in [0, inf)");
  EXPECT_EQ(ErrorOf("sgd {} clipping { by_value: 0 }"), "optimizer.clipping.by_value is 0; it must be in (0, inf)");
  EXPECT_EQ(ErrorOf("sgd {} clipping { by_table_norm: inf }"),
            "optimizer.clipping.by_table_norm is inf; it must be in (0, inf)");
  EXPECT_EQ(ErrorOf("sgd {} average { decay: 1 }"), "optimizer.average.decay is 1; it must be in [0, 1)");
  EXPECT_THAT(ErrorOf("sgd {} average {}"), HasSubstr("optimizer.average.decay is missing"));
  EXPECT_THAT(ErrorOf("sgd {} delay_compensation {}"), HasSubstr("optimizer.delay_compensation.lambda is missing"));
  EXPECT_THAT(ErrorOf("ftrl {} schedule { cosine { total_steps: 9 } }"), HasSubstr("which ftrl does not allow"));
}

std::unique_ptr<const Optimizer> MakeForTable(const std::string& text, const TableSpec& table) {
  OptimizerConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  auto optimizer = Optimizer::CreateForTable(config, table);
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  return *std::move(optimizer);
}

TEST(OptimizerTest, ATableMultipliesTheRateOfEveryStepOfTheSchedule) {
  TableSpec table;
  table.learning_rate_multiplier = 2;
  const auto optimizer =
      MakeForTable("sgd { learning_rate: 0.5 } schedule { polynomial { total_steps: 10 final_rate: 0.1 } }", table);
  EXPECT_FLOAT_EQ(optimizer->Prepare({.step = 0}).rate, 1);
  EXPECT_FLOAT_EQ(optimizer->Prepare({.step = 10}).rate, 0.2);
  EXPECT_FLOAT_EQ(MakeForTable("ftrl { learning_rate: 0.5 }", table)->Prepare({.step = 3}).rate, 1);
}

TEST(OptimizerTest, ATableDecaysInItsOwnWay) {
  TableSpec table;
  table.weight_decay = 0.25;
  EXPECT_EQ(MakeForTable("sgd {} weight_decay: 0.5", table)->Prepare({}).weight_decay, 0.25f);
  EXPECT_EQ(MakeForTable("sgd {} weight_decay: 0.5", TableSpec())->Prepare({}).weight_decay, 0.5f);
}

TEST(OptimizerTest, WhatIsPushedToAStatisticIsSubtractedAsItIs) {
  TableSpec table;
  table.is_state = true;
  table.learning_rate_multiplier = 3;
  const auto optimizer =
      MakeForTable("adam {} weight_decay: 1 clipping { by_table_norm: 1 } average { decay: 0.5 }", table);
  EXPECT_EQ(optimizer->rule(), UpdateRule::kSgd);
  EXPECT_EQ(optimizer->slot_count(), 0);
  EXPECT_FALSE(optimizer->has_average());
  EXPECT_FALSE(optimizer->needs_gradient_norm());
  const UpdateScalars scalars = optimizer->Prepare({.step = 7, .rate_scale = 0.5});
  EXPECT_EQ(scalars.rate, 1);
  EXPECT_EQ(scalars.weight_decay, 0);
}

TEST(OptimizerTest, RefusesNanInEveryField) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rules = {
      {"sgd", {"learning_rate"}},
      {"momentum", {"learning_rate", "momentum", "dampening"}},
      {"nesterov", {"learning_rate", "momentum"}},
      {"adagrad", {"learning_rate", "learning_rate_decay", "initial_accumulator_value", "eps"}},
      {"rmsprop", {"learning_rate", "alpha", "eps", "momentum"}},
      {"adam", {"learning_rate", "beta1", "beta2", "eps"}},
      {"adamw", {"learning_rate", "beta1", "beta2", "eps"}},
      {"lamb", {"learning_rate", "beta1", "beta2", "eps"}},
      {"ftrl", {"learning_rate", "l1", "l2", "beta", "initial_accumulator_value"}},
  };
  for (const auto& [rule, fields] : rules) {
    for (const std::string& field : fields) {
      EXPECT_THAT(ErrorOf(rule + " { " + field + ": nan }"), HasSubstr("optimizer." + rule + "." + field + " is nan"));
    }
  }
  for (const std::string text : {"weight_decay: nan", "clipping { by_value: nan }", "clipping { by_table_norm: nan }",
                                 "average { decay: nan }", "delay_compensation { lambda: nan }"}) {
    EXPECT_THAT(ErrorOf("sgd {} " + text), HasSubstr(" is nan; it must be in ")) << text;
  }
}

}  // namespace
}  // namespace downpour
