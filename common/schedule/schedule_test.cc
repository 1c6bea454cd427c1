#include "common/schedule/schedule.h"

#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<Schedule> Make(const std::string& text, double base_rate = 0.1) {
  ScheduleConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config)) << text;
  return Schedule::Create(config, base_rate);
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<Schedule> schedule = Make(text);
  if (schedule.ok()) return "no error";
  EXPECT_EQ(schedule.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(schedule.status().message());
}

TEST(ScheduleTest, WithoutAnythingIsTheBaseRateForEver) {
  const Schedule schedule = *Make("");
  EXPECT_EQ(schedule.rate(0), 0.1);
  EXPECT_EQ(schedule.rate(UINT64_MAX), 0.1);
  EXPECT_TRUE(schedule.is_constant());
  EXPECT_TRUE(Make("constant {} warmup {}")->is_constant());
  EXPECT_FALSE(Make("warmup { steps: 1 }")->is_constant());
  EXPECT_FALSE(Make("cosine { total_steps: 1 }")->is_constant());
}

TEST(ScheduleTest, JumpsAtTheVeryStepThatIsNamed) {
  const Schedule staircase = *Make("exponential { decay_rate: 0.5 decay_steps: 10 staircase: true }");
  EXPECT_DOUBLE_EQ(staircase.rate(9), 0.1);
  EXPECT_DOUBLE_EQ(staircase.rate(10), 0.05);
  const Schedule step = *Make("step { step_size: 10 }");
  EXPECT_DOUBLE_EQ(step.rate(9), 0.1);
  EXPECT_DOUBLE_EQ(step.rate(10), 0.01);
  const Schedule milestones = *Make("step { milestones: 10 milestones: 12 gamma: 0.5 }");
  EXPECT_DOUBLE_EQ(milestones.rate(9), 0.1);
  EXPECT_DOUBLE_EQ(milestones.rate(10), 0.05);
  EXPECT_DOUBLE_EQ(milestones.rate(12), 0.025);
}

TEST(ScheduleTest, StaysAtTheFinalRateAfterTheEnd) {
  for (const char* const text :
       {"cosine { total_steps: 10 final_rate: 0.02 }", "polynomial { total_steps: 10 final_rate: 0.02 power: 3 }"}) {
    const Schedule schedule = *Make(text);
    EXPECT_DOUBLE_EQ(schedule.rate(0), 0.1) << text;
    EXPECT_GT(schedule.rate(9), 0.02) << text;
    EXPECT_EQ(schedule.rate(10), 0.02) << text;
    EXPECT_EQ(schedule.rate(UINT64_MAX), 0.02) << text;
  }
}

TEST(ScheduleTest, WarmUpMultipliesTheScheduleWithoutShiftingIt) {
  const Schedule plain = *Make("exponential { decay_rate: 0.5 decay_steps: 10 }");
  const Schedule warm = *Make("exponential { decay_rate: 0.5 decay_steps: 10 } warmup { steps: 4 start_factor: 0.2 }");
  EXPECT_DOUBLE_EQ(warm.rate(0), 0.2 * plain.rate(0));
  EXPECT_DOUBLE_EQ(warm.rate(2), 0.6 * plain.rate(2));
  EXPECT_EQ(warm.rate(4), plain.rate(4));
  EXPECT_EQ(Make("warmup { steps: 4 start_factor: 0 }")->rate(0), 0);
}

TEST(ScheduleTest, StaysFiniteAtAnyStep) {
  for (const char* const text : {"exponential { decay_rate: 1e-30 }", "step { step_size: 1 gamma: 1e-30 }",
                                 "polynomial { total_steps: 18446744073709551615 power: 1e30 }",
                                 "cosine { total_steps: 18446744073709551615 }"}) {
    for (const uint64_t step : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 60, UINT64_MAX}) {
      const double rate = Make(text)->rate(step);
      EXPECT_TRUE(rate >= 0 && rate <= 0.1) << text << " at " << step << ": " << rate;
    }
  }
}

TEST(ScheduleTest, RefusesWhatIsOutOfRangeAndSaysWhere) {
  EXPECT_EQ(ErrorOf("exponential {}"), "optimizer.schedule.exponential.decay_rate is 0; it must be in (0, 1]");
  EXPECT_EQ(ErrorOf("exponential { decay_rate: nan }"),
            "optimizer.schedule.exponential.decay_rate is nan; it must be in (0, 1]");
  EXPECT_EQ(ErrorOf("exponential { decay_rate: 0.5 decay_steps: 0 }"),
            "optimizer.schedule.exponential.decay_steps is 0; it must be at least 1");
  EXPECT_EQ(ErrorOf("step { step_size: 3 gamma: 1.5 }"), "optimizer.schedule.step.gamma is 1.5; it must be in (0, 1]");
  EXPECT_EQ(ErrorOf("step { step_size: 0 }"), "optimizer.schedule.step.step_size is 0; it must be at least 1");
  EXPECT_THAT(ErrorOf("step {}"), HasSubstr("no step_size and no milestones"));
  EXPECT_THAT(ErrorOf("step { step_size: 3 milestones: 4 }"), HasSubstr("both step_size and milestones"));
  EXPECT_EQ(ErrorOf("step { milestones: 4 milestones: 4 }"),
            "optimizer.schedule.step.milestones[1] is 4; it must be greater than the one before it, 4");
  EXPECT_EQ(ErrorOf("cosine {}"), "optimizer.schedule.cosine.total_steps is 0; it must be at least 1");
  EXPECT_EQ(ErrorOf("cosine { total_steps: 5 final_rate: -1 }"),
            "optimizer.schedule.cosine.final_rate is -1; it must be in [0, inf)");
  EXPECT_EQ(ErrorOf("polynomial { total_steps: 5 power: 0 }"),
            "optimizer.schedule.polynomial.power is 0; it must be in (0, inf)");
  EXPECT_EQ(ErrorOf("polynomial { total_steps: 5 power: inf }"),
            "optimizer.schedule.polynomial.power is inf; it must be in (0, inf)");
  EXPECT_EQ(ErrorOf("warmup { steps: 5 start_factor: 1.25 }"),
            "optimizer.schedule.warmup.start_factor is 1.25; it must be in [0, 1]");
}

}  // namespace
}  // namespace downpour
