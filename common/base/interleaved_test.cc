#include "common/base/interleaved.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

// Contestants that take as long as they are told, on a clock of their own.
class InterleavedTest : public ::testing::Test {
 protected:
  Contestant Taking(std::string name, std::vector<double> seconds) {
    return {name, [this, name, seconds, calls = size_t{0}]() mutable {
              order_ += name;
              if (calls > 0) time_ += seconds[calls - 1];  // the first call is the unmeasured one
              ++calls;
            }};
  }

  std::vector<Timing> Run(const std::vector<Contestant>& contestants, int rounds) {
    return RunInterleaved(contestants, rounds, [this] { return time_; });
  }

  double time_ = 100;
  std::string order_;
};

TEST_F(InterleavedTest, RunsTheContestantsInTurnsAfterOneUnmeasuredRound) {
  Run({Taking("a", {1, 1}), Taking("b", {1, 1}), Taking("c", {1, 1})}, 2);
  EXPECT_EQ(order_, "abcabcabc");
}

TEST_F(InterleavedTest, TheRatioIsTheMedianOfTheRoundsOwnRatios) {
  // Foreign load in the second round slows both alike: the rounds' ratios are 2, 2 and 4, the medians' would be 4.
  const std::vector<Timing> timings = Run({Taking("a", {2, 20, 4}), Taking("b", {1, 10, 1})}, 3);
  ASSERT_EQ(timings.size(), 2u);
  EXPECT_DOUBLE_EQ(timings[0].ratio, 1);
  EXPECT_DOUBLE_EQ(timings[0].seconds, 4);
  EXPECT_EQ(timings[1].name, "b");
  EXPECT_DOUBLE_EQ(timings[1].seconds, 1);
  EXPECT_DOUBLE_EQ(timings[1].ratio, 2);
}

TEST_F(InterleavedTest, AnEvenNumberOfRoundsTakesTheMiddleOfTheTwoInTheMiddle) {
  EXPECT_DOUBLE_EQ(Run({Taking("a", {1, 2, 4, 100})}, 4)[0].seconds, 3);
}

TEST_F(InterleavedTest, NobodyToRunGivesNothing) { EXPECT_TRUE(Run({}, 3).empty()); }

TEST(SecondsTest, BothClocksRunForward) {
  const double wall = SteadySeconds();
  const double thread = ThreadSeconds();
  volatile int work = 0;
  while (ThreadSeconds() == thread) work = work + 1;
  EXPECT_GT(ThreadSeconds(), thread);
  EXPECT_GT(SteadySeconds(), wall);
}

TEST(BenchLineTest, IsOneJsonObjectInTheAgreedShape) {
  const BenchLine line = {"transport", "push/grpc/16MiB/1", "throughput", 4.8, "GB/s", "raw \"tcp\"", 4.9, 0.98, 7};
  EXPECT_EQ(ToJson(line),
            R"({"bench": "transport", "case": "push/grpc/16MiB/1", "metric": "throughput", "value": 4.8, )"
            R"("unit": "GB/s", "reference": "raw \"tcp\"", "reference_value": 4.9, "ratio": 0.98, "rounds": 7})");
}

TEST(BenchLineTest, TheTableNamesEachCaseAndItsReference) {
  const std::string table = ToTable({{"store", "update/sgd/1024", "throughput", 4.5, "Gelem/s", "loop", 5, 0.9, 7}});
  EXPECT_THAT(table, ::testing::HasSubstr("update/sgd/1024"));
  EXPECT_THAT(table, ::testing::HasSubstr("0.900  loop, 5\n"));
}

}  // namespace
}  // namespace downpour
