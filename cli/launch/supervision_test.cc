#include "cli/launch/supervision.h"

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TaskEnd kDone = {TaskEnd::How::kExited, 0};
constexpr TaskEnd kFailed = {TaskEnd::How::kExited, 1};
constexpr TaskEnd kWrong = {TaskEnd::How::kExited, 2};
constexpr TaskEnd kLeft = {TaskEnd::How::kExited, 130};
constexpr TaskEnd kCrashed = {TaskEnd::How::kKilled, SIGSEGV};

// Two servers (0, 1) and two workers (2, 3).
class SupervisionTest : public ::testing::Test, public TaskControl {
 protected:
  void Start(size_t task) override { done_.push_back(absl::StrCat("start ", task)); }
  void Signal(size_t task, int signal) override { done_.push_back(absl::StrCat(::sigabbrev_np(signal), " ", task)); }
  void Say(std::string_view text) override { said_ += std::string(text) + "\n"; }

  // What was done since the last time.
  std::vector<std::string> Done() { return std::exchange(done_, {}); }

  void Begin() {
    supervision_.Begin();
    Done();
  }
  void End(size_t task, const TaskEnd& end) { supervision_.OnEnd(task, end, now_); }
  void Pass(absl::Duration time) {
    now_ += time;
    supervision_.OnTime(now_);
  }

  SupervisionOptions options_ = {.restarts_max = 2, .backoff = absl::Seconds(1), .patience = absl::Seconds(10)};
  absl::Duration now_ = absl::Seconds(1000);
  std::vector<std::string> done_;
  std::string said_;
  Supervision supervision_{
      {{"server/0", true}, {"server/1", true}, {"worker/0", false}, {"worker/1", false}}, options_, this};
};

TEST_F(SupervisionTest, ServersAreStoppedWhenAllWorkersHaveFinished) {
  supervision_.Begin();
  EXPECT_THAT(Done(), ElementsAre("start 0", "start 1", "start 2", "start 3"));
  End(2, kDone);
  EXPECT_THAT(Done(), IsEmpty());
  End(3, kDone);
  EXPECT_THAT(Done(), ElementsAre("TERM 0", "TERM 1"));
  End(0, kDone);
  EXPECT_FALSE(supervision_.over());
  End(1, kDone);
  EXPECT_TRUE(supervision_.over());
  EXPECT_EQ(supervision_.status(), 0);
  EXPECT_EQ(supervision_.failure(), "");
}

TEST_F(SupervisionTest, AWorkerThatDiedIsStartedAgainAfterAWhileThatDoubles) {
  Begin();
  End(2, kCrashed);
  EXPECT_THAT(said_, HasSubstr("worker/0 was killed by signal 11 (Segmentation fault); it is started again in 1s"));
  EXPECT_EQ(supervision_.next(), now_ + absl::Seconds(1));
  Pass(absl::Milliseconds(999));
  EXPECT_THAT(Done(), IsEmpty());
  Pass(absl::Milliseconds(1));
  EXPECT_THAT(Done(), ElementsAre("start 2"));
  EXPECT_EQ(supervision_.next(), absl::InfiniteDuration());
  End(2, {TaskEnd::How::kUnreachable, 0});
  Pass(absl::Seconds(1.9));
  EXPECT_THAT(Done(), IsEmpty());
  Pass(absl::Seconds(0.1));
  EXPECT_THAT(Done(), ElementsAre("start 2"));
}

TEST_F(SupervisionTest, TheJobWaitsForAWorkerThatIsToBeStartedAgain) {
  Begin();
  End(2, kCrashed);
  End(3, kDone);
  EXPECT_THAT(Done(), IsEmpty());
  Pass(absl::Seconds(1));
  EXPECT_THAT(Done(), ElementsAre("start 2"));
  End(2, kDone);
  EXPECT_THAT(Done(), ElementsAre("TERM 0", "TERM 1"));
}

TEST_F(SupervisionTest, AWorkerThatDiesAgainAndAgainEndsTheJob) {
  Begin();
  for (int i = 0; i < 2; ++i) {
    End(2, kCrashed);
    Pass(absl::Seconds(10));
  }
  Done();
  End(2, kCrashed);
  EXPECT_THAT(Done(), ElementsAre("INT 3"));
  End(3, kLeft);
  EXPECT_THAT(Done(), ElementsAre("TERM 0", "TERM 1"));
  End(0, kDone);
  End(1, kDone);
  EXPECT_EQ(supervision_.status(), 1);
  EXPECT_THAT(supervision_.failure(), HasSubstr("worker/0 was killed by signal 11 (Segmentation fault), after 2 rest"));
  EXPECT_EQ(supervision_.failed_task(), 2u);
}

TEST_F(SupervisionTest, AWorkerThatFailsByItselfEndsTheJob) {
  Begin();
  End(3, kFailed);
  EXPECT_THAT(Done(), ElementsAre("INT 2"));
  End(2, kFailed);  // what comes after the first failure is not its cause
  End(0, kDone);
  End(1, kDone);
  EXPECT_EQ(supervision_.status(), 1);
  EXPECT_EQ(supervision_.failure(), "worker/1 ended with status 1");
}

TEST_F(SupervisionTest, AWrongCommandIsPassedOn) {
  Begin();
  End(2, kWrong);
  End(3, kLeft);
  End(0, kDone);
  End(1, kDone);
  EXPECT_EQ(supervision_.status(), 2);
}

TEST_F(SupervisionTest, AServerThatEndsEndsTheJobWithItsWeights) {
  Begin();
  End(1, {TaskEnd::How::kKilled, SIGKILL});
  EXPECT_THAT(Done(), ElementsAre("INT 2", "INT 3"));
  End(2, kFailed);
  EXPECT_EQ(supervision_.next(), now_ + absl::Seconds(10));
  Pass(absl::Seconds(10));
  EXPECT_THAT(Done(), ElementsAre("KILL 0", "KILL 3"));
  End(3, {TaskEnd::How::kKilled, SIGKILL});
  End(0, {TaskEnd::How::kKilled, SIGKILL});
  EXPECT_TRUE(supervision_.over());
  EXPECT_EQ(supervision_.status(), 1);
  EXPECT_THAT(supervision_.failure(), HasSubstr("server/1 was killed by signal 9 (Killed): the weights"));
}

TEST_F(SupervisionTest, CtrlCLetsWorkersLeaveAndThenStopsServers) {
  Begin();
  supervision_.OnInterrupt(now_);
  EXPECT_THAT(Done(), ElementsAre("INT 2", "INT 3"));
  End(2, kLeft);
  End(3, kCrashed);  // is not started again
  EXPECT_THAT(Done(), ElementsAre("TERM 0", "TERM 1"));
  End(0, kDone);
  End(1, kDone);
  EXPECT_TRUE(supervision_.over());
  EXPECT_EQ(supervision_.status(), 130);
}

TEST_F(SupervisionTest, CtrlCWhileAWorkerWaitsToBeStartedAgainDoesNotStartIt) {
  Begin();
  End(3, kDone);
  End(2, kCrashed);
  supervision_.OnInterrupt(now_);
  EXPECT_THAT(Done(), ElementsAre("TERM 0", "TERM 1"));
  Pass(absl::Seconds(5));
  EXPECT_THAT(Done(), IsEmpty());
}

TEST_F(SupervisionTest, ASecondCtrlCKillsAllAndAgainUntilTheyAreGone) {
  Begin();
  supervision_.OnInterrupt(now_);
  Done();
  supervision_.OnInterrupt(now_);
  EXPECT_THAT(Done(), ElementsAre("KILL 0", "KILL 1", "KILL 2", "KILL 3"));
  for (size_t task = 0; task < 3; ++task) End(task, {TaskEnd::How::kKilled, SIGKILL});
  Pass(absl::Seconds(3));
  EXPECT_THAT(Done(), ElementsAre("KILL 3"));
  End(3, {TaskEnd::How::kKilled, SIGKILL});
  EXPECT_TRUE(supervision_.over());
  EXPECT_EQ(supervision_.status(), 130);
}

TEST_F(SupervisionTest, AServerThatDoesNotStopIsKilledAndThatIsAFailure) {
  Begin();
  End(2, kDone);
  End(3, kDone);
  Done();
  End(0, kDone);
  Pass(absl::Seconds(10));
  EXPECT_THAT(Done(), ElementsAre("KILL 1"));
  End(1, {TaskEnd::How::kKilled, SIGKILL});
  EXPECT_TRUE(supervision_.over());
  EXPECT_EQ(supervision_.status(), 1);
  EXPECT_THAT(supervision_.failure(), HasSubstr("server/1 did not end within 10s"));
}

TEST_F(SupervisionTest, WorkersThatWereAskedToLeaveDoNotEndTheJob) {
  Begin();
  End(2, kLeft);
  EXPECT_THAT(Done(), IsEmpty());
  End(3, kDone);
  End(0, kDone);
  End(1, kDone);
  EXPECT_EQ(supervision_.status(), 0);
}

TEST_F(SupervisionTest, WithoutRestartsADeathEndsTheJob) {
  options_.restart = false;
  Supervision never({{"server/0", true}, {"worker/0", false}}, options_, this);
  never.Begin();
  never.OnEnd(1, kCrashed, now_);
  never.OnEnd(0, kDone, now_);
  EXPECT_TRUE(never.over());
  EXPECT_EQ(never.status(), 1);
  EXPECT_EQ(never.failure(), "worker/0 was killed by signal 11 (Segmentation fault)");
}

}  // namespace
}  // namespace downpour
