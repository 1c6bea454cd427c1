#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/schedule/schedule.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernels/kernels.h"
#include "server/optimizer/apply.h"
#include "server/optimizer/golden_file.h"
#include "server/optimizer/optimizer.h"

namespace downpour {
namespace {

using testing::kGoldenCount;
using testing::kGoldenSteps;
using testing::OptimizerGolden;
using testing::ScheduleGolden;

constexpr double kTolerance = 1e-6;
// Errors are relative to the golden value or to this, whichever is larger. Only FTRL's weights, which start at zero,
// come near it.
constexpr double kSmallWeight = 0.01;
// Blocks and slices of lengths that fit neither each other nor the vectors of any processor.
constexpr size_t kBlockElements = 16;
constexpr size_t kSliceBytes = 27;

const testing::Goldens& AllGoldens() {
  static const auto* const goldens = new testing::Goldens(testing::ReadGoldens());
  return *goldens;
}

// A shard whose update writes beside what it reads, as one does whose blocks a pull is holding.
class TestShard {
 public:
  TestShard(const Kernels& kernels, const OptimizerGolden& golden) : kernels_(kernels), golden_(golden) {
    auto optimizer = Optimizer::Create(golden.config);
    EXPECT_TRUE(optimizer.ok()) << optimizer.status();
    optimizer_ = *std::move(optimizer);
    now_.weights = testing::InitialWeights(golden);
    now_.average = now_.weights;
    for (int slot = 0; slot < optimizer_->slot_count(); ++slot) {
      now_.slots[slot].assign(kGoldenCount, optimizer_->slot_initial(slot));
    }
  }

  const std::vector<float>& weights() const { return now_.weights; }
  const std::vector<float>& average() const { return now_.average; }
  bool has_average() const { return optimizer_->has_average(); }

  void Update() {
    history_.push_back(now_.weights);
    if (history_.size() > static_cast<size_t>(golden_.pulled_lag) + 1) history_.pop_front();
    const std::vector<float> gradient = testing::Gradients(golden_, step_);
    std::vector<absl::Span<const std::byte>> slices;
    for (auto rest = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(gradient.data()), gradient.size() * 4);
         !rest.empty(); rest.remove_prefix(slices.back().size())) {
      slices.push_back(rest.subspan(0, kSliceBytes));
    }
    State next = now_;
    std::vector<UpdateArrays> blocks;
    for (size_t begin = 0; begin < kGoldenCount; begin += kBlockElements) blocks.push_back(BlockAt(begin, &next));
    ApplyUpdate(kernels_, *optimizer_, {.step = static_cast<uint64_t>(step_++)}, slices, DType::kFloat32, blocks);
    now_ = next;
  }

 private:
  struct State {
    std::vector<float> weights;
    std::vector<float> average;
    std::array<std::vector<float>, kSlotsMax> slots;
  };

  UpdateArrays BlockAt(size_t begin, State* next) const {
    UpdateArrays block;
    block.count = std::min(kBlockElements, kGoldenCount - begin);
    block.weight_in = now_.weights.data() + begin;
    block.weight_out = next->weights.data() + begin;
    for (int slot = 0; slot < optimizer_->slot_count(); ++slot) {
      block.slot_in[slot] = now_.slots[slot].data() + begin;
      block.slot_out[slot] = next->slots[slot].data() + begin;
    }
    if (optimizer_->has_average()) {
      block.average_in = now_.average.data() + begin;
      block.average_out = next->average.data() + begin;
    }
    if (optimizer_->needs_pulled_weights()) block.weight_pulled = history_.front().data() + begin;
    return block;
  }

  const Kernels& kernels_;
  const OptimizerGolden& golden_;
  std::unique_ptr<const Optimizer> optimizer_;
  int step_ = 0;
  State now_;
  std::deque<std::vector<float>> history_;  // the weights before this update, and up to pulled_lag before those
};

// The largest relative error; infinite where a value is not a number.
double LargestError(const std::vector<float>& actual, const std::vector<double>& expected) {
  double largest = actual.size() == expected.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(actual.size(), expected.size()); ++i) {
    const double error = std::fabs(actual[i] - expected[i]) / std::max(std::fabs(expected[i]), kSmallWeight);
    largest = std::isnan(error) ? INFINITY : std::max(largest, error);
  }
  return largest;
}

struct OptimizerCase {
  const Kernels* kernels;
  const OptimizerGolden* golden;
};

std::vector<OptimizerCase> OptimizerCases() {
  std::vector<OptimizerCase> cases;
  for (const Kernels* kernels : AllSupportedKernels()) {
    for (const OptimizerGolden& golden : AllGoldens().optimizers) cases.push_back({kernels, &golden});
  }
  return cases;
}

class OptimizerGoldenTest : public ::testing::TestWithParam<OptimizerCase> {};

TEST_P(OptimizerGoldenTest, AgreesWithTheReferenceForFiftySteps) {
  const auto [kernels, golden] = GetParam();
  TestShard shard(*kernels, *golden);
  double largest = 0;
  for (int updates = 1; updates <= kGoldenSteps; ++updates) {
    shard.Update();
    if (golden->weights.count(updates) == 0) continue;
    const double error = LargestError(shard.weights(), golden->weights.at(updates));
    EXPECT_LT(error, kTolerance) << "weights after " << updates << " updates";
    largest = std::max(largest, error);
    if (!shard.has_average()) continue;
    EXPECT_LT(LargestError(shard.average(), golden->averages.at(updates)), kTolerance)
        << "average after " << updates << " updates";
  }
  RecordProperty("largest_error", std::to_string(largest * 1e9) + "e-9");
}

INSTANTIATE_TEST_SUITE_P(Rules, OptimizerGoldenTest, ::testing::ValuesIn(OptimizerCases()),
                         [](const auto& info) { return info.param.golden->name + "_" + info.param.kernels->Name(); });

class ScheduleGoldenTest : public ::testing::TestWithParam<ScheduleGolden> {};

TEST_P(ScheduleGoldenTest, AgreesWithTheReference) {
  const ScheduleGolden& golden = GetParam();
  const auto schedule = Schedule::Create(golden.config, golden.base_rate);
  ASSERT_TRUE(schedule.ok()) << schedule.status();
  for (const auto& [step, rate] : golden.rates) {
    // PyTorch goes from rate to rate and adds up rounding errors on its way.
    EXPECT_NEAR(schedule->rate(step), rate, 1e-12 * golden.base_rate) << "at step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Schedules, ScheduleGoldenTest, ::testing::ValuesIn(AllGoldens().schedules),
                         [](const auto& info) { return info.param.name; });

TEST(GoldenFileTest, HasEveryRuleAndEverySchedule) {
  std::map<int, int> rules;
  std::map<int, int> schedules;
  for (const OptimizerGolden& golden : AllGoldens().optimizers) {
    ++rules[golden.config.rule_case()];
    EXPECT_THAT(golden.weights, ::testing::SizeIs(4)) << golden.name;
  }
  for (const ScheduleGolden& golden : AllGoldens().schedules) {
    ++schedules[golden.config.kind_case()];
    EXPECT_GE(golden.rates.size(), 10) << golden.name;
  }
  for (int rule = OptimizerConfig::kSgd; rule <= OptimizerConfig::kFtrl; ++rule) EXPECT_GE(rules[rule], 2) << rule;
  for (int kind = ScheduleConfig::kConstant; kind <= ScheduleConfig::kPolynomial; ++kind) {
    EXPECT_GE(schedules[kind], 2) << kind;
  }
}

}  // namespace
}  // namespace downpour
