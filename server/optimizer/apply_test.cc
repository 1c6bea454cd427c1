#include "server/optimizer/apply.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "kernels/kernels.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;

std::unique_ptr<const Optimizer> Make(const std::string& text) {
  OptimizerConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  auto optimizer = Optimizer::Create(config);
  EXPECT_TRUE(optimizer.ok()) << optimizer.status();
  return *std::move(optimizer);
}

absl::Span<const std::byte> BytesOf(const std::vector<float>& values) {
  return {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float)};
}

// Arrays of one block, in place.
UpdateArrays InPlace(std::vector<float>* weights) {
  UpdateArrays block;
  block.weight_in = block.weight_out = weights->data();
  block.count = weights->size();
  return block;
}

TEST(ApplyUpdateTest, TakesEachBlockFromItsPlaceInTheGradient) {
  const std::vector<float> gradient = {1, 2, 3, 4, 5};
  std::vector<float> first = {10, 10};
  std::vector<float> second = {20, 20, 20};
  const std::vector<UpdateArrays> blocks = {InPlace(&first), InPlace(&second)};
  const std::vector<absl::Span<const std::byte>> slices = {BytesOf(gradient).subspan(0, 7),
                                                           BytesOf(gradient).subspan(7)};
  ApplyUpdate(BestKernels(), *Make("sgd { learning_rate: 1 }"), {}, slices, DType::kFloat32, blocks);
  EXPECT_THAT(first, ElementsAre(9, 8));
  EXPECT_THAT(second, ElementsAre(17, 16, 15));
}

TEST(ApplyUpdateTest, TakesGradientsInHalfPrecision) {
  const std::vector<uint16_t> gradient = {0x3F80, 0xC000};  // 1 and -2 in bfloat16
  const std::vector<absl::Span<const std::byte>> slices = {
      {reinterpret_cast<const std::byte*>(gradient.data()), 2 * sizeof(uint16_t)}};
  std::vector<float> weights = {10, 10};
  const std::vector<UpdateArrays> blocks = {InPlace(&weights)};
  ApplyUpdate(BestKernels(), *Make("sgd { learning_rate: 1 }"), {}, slices, DType::kBFloat16, blocks);
  EXPECT_THAT(weights, ElementsAre(9, 12));
}

TEST(ApplyUpdateTest, ClipsByTheNormOfTheShardUnlessTheTablesIsKnown) {
  const std::vector<float> gradient = {3, 4};
  const std::vector<absl::Span<const std::byte>> slices = {BytesOf(gradient)};
  const auto optimizer = Make("sgd { learning_rate: 1 } clipping { by_table_norm: 1 }");
  const auto updated = [&](const StepFacts& facts) {
    std::vector<float> weights = {0, 0};
    const std::vector<UpdateArrays> blocks = {InPlace(&weights)};
    ApplyUpdate(BestKernels(), *optimizer, facts, slices, DType::kFloat32, blocks);
    return weights;
  };
  EXPECT_THAT(updated({}), ElementsAre(FloatEq(-3 / (5 + 1e-6)), FloatEq(-4 / (5 + 1e-6))));
  EXPECT_THAT(updated({.gradient_squared_norm = 100}), ElementsAre(FloatEq(-0.3), FloatEq(-0.4)));
  EXPECT_EQ(updated({.gradient_squared_norm = NAN}), updated({})) << "a norm that is none is not believed";
  EXPECT_EQ(updated({.gradient_squared_norm = INFINITY}), updated({}));
}

TEST(ApplyUpdateTest, TakesLambsNormsOverAllBlocksAndWritesTheAverageOnce) {
  const std::vector<float> gradient = {1, 1, 1, 1};
  const std::vector<absl::Span<const std::byte>> slices = {BytesOf(gradient)};
  const auto optimizer = Make("lamb { learning_rate: 0.25 eps: 1e-30 } weight_decay: 0 average { decay: 0.5 }");
  std::vector<float> weights = {1, 1, 7, 7};  // norm 10; every update is 1, norm 2
  std::vector<float> moments(8);
  std::vector<float> average = weights;
  std::vector<UpdateArrays> blocks(2);
  for (size_t i = 0; i < 2; ++i) {
    blocks[i].weight_in = blocks[i].weight_out = &weights[2 * i];
    blocks[i].slot_in[0] = blocks[i].slot_out[0] = &moments[2 * i];
    blocks[i].slot_in[1] = blocks[i].slot_out[1] = &moments[4 + 2 * i];
    blocks[i].average_in = blocks[i].average_out = &average[2 * i];
    blocks[i].count = 2;
  }
  ApplyUpdate(BestKernels(), *optimizer, {}, slices, DType::kFloat32, blocks);
  EXPECT_THAT(weights, ElementsAre(FloatEq(-0.25), FloatEq(-0.25), FloatEq(5.75), FloatEq(5.75)));
  const float drift = 1.25f * 9 / 11;  // of the average at the first update, whose decay is 2/11
  EXPECT_THAT(average, ElementsAre(FloatNear(1 - drift, 1e-6), FloatNear(1 - drift, 1e-6), FloatNear(7 - drift, 1e-6),
                                   FloatNear(7 - drift, 1e-6)));
}

TEST(ApplyUpdateTest, LeavesAloneWhatAShortGradientDoesNotReach) {
  const std::vector<float> gradient = {1, 2};
  const std::vector<absl::Span<const std::byte>> slices = {BytesOf(gradient)};
  std::vector<float> weights = {10, 10, 10};
  const std::vector<UpdateArrays> blocks = {InPlace(&weights)};
  ApplyUpdate(BestKernels(), *Make("sgd { learning_rate: 1 }"), {}, slices, DType::kFloat32, blocks);
  EXPECT_THAT(weights, ElementsAre(9, 8, 10));
}

TEST(ApplyUpdateTest, NeverTurnsAZeroGradientIntoANonFiniteWeight) {
  const std::vector<float> gradient(3, 0.0f);
  const std::vector<absl::Span<const std::byte>> slices = {BytesOf(gradient)};
  for (const char* const text :
       {"sgd {}", "momentum {}", "nesterov {}", "adagrad {}", "rmsprop {}", "rmsprop { centered: true momentum: 0.9 }",
        "adam {}", "adamw {}", "lamb {}", "ftrl {}", "ftrl { beta: 0 initial_accumulator_value: 0.1 }",
        "sgd {} clipping { by_table_norm: 1 by_value: 1 }"}) {
    const auto optimizer = Make(text);
    for (const Kernels* kernels : AllSupportedKernels()) {
      std::vector<float> weights = {0, 1, -1};
      std::vector<std::vector<float>> slots;
      UpdateArrays block = InPlace(&weights);
      for (int slot = 0; slot < optimizer->slot_count(); ++slot) slots.emplace_back(3, optimizer->slot_initial(slot));
      for (size_t slot = 0; slot < slots.size(); ++slot)
        block.slot_in[slot] = block.slot_out[slot] = slots[slot].data();
      ApplyUpdate(*kernels, *optimizer, {}, slices, DType::kFloat32, {&block, 1});
      for (const float weight : weights) EXPECT_TRUE(std::isfinite(weight)) << text << " " << kernels->Name();
    }
  }
}

}  // namespace
}  // namespace downpour
