// Who is handed which work, by the control calls.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/service/job_host.h"
#include "server/service/session_fixture.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using testing::JobSetup;
using testing::kAnyTime;
using testing::MakeCreateJob;

constexpr uint64_t kExamples = 40;

class WorkTest : public ::testing::Test {
 protected:
  WorkTest() {
    plan_.set_examples(kExamples);
    plan_.set_batch(10);
    plan_.set_slice_batches_max(1);
    plan_.set_steps(8);
  }

  void Start(const JobSetup& setup = {}, ServerId server = 0) {
    host_ = std::make_unique<JobHost>(JobHost::Options{
        .server = server, .server_incarnation = 9, .heartbeat_timeout = absl::Seconds(5), .clock = &clock_});
    wire::CreateJobRequest request = MakeCreateJob(setup);
    fingerprint_ = request.job_fingerprint();
    *request.mutable_plan() = plan_;
    ASSERT_TRUE(host_->CreateJob(request, kAnyTime).ok());
  }

  void Join(WorkerId worker, uint64_t incarnation = 1) {
    wire::JoinRequest request;
    request.mutable_versions()->set_version(1);
    request.mutable_versions()->set_version_min(1);
    request.set_job_fingerprint(fingerprint_);
    request.set_worker(worker);
    request.set_incarnation(incarnation);
    const auto joined = host_->Join(request, kAnyTime);
    ASSERT_TRUE(joined.ok()) << joined.status();
  }

  absl::StatusOr<wire::TakeWorkResponse> Take(WorkerId worker, uint64_t incarnation = 1) {
    wire::TakeWorkRequest request;
    request.set_job_fingerprint(fingerprint_);
    request.set_worker(worker);
    request.set_incarnation(incarnation);
    request.set_ticket(++ticket_);
    return host_->TakeWork(request, kAnyTime);
  }

  absl::StatusOr<wire::ReportWorkResponse> Report(WorkerId worker, uint64_t lease, uint64_t used,
                                                  uint64_t incarnation = 1) {
    wire::ReportWorkRequest request;
    request.set_job_fingerprint(fingerprint_);
    request.set_worker(worker);
    request.set_incarnation(incarnation);
    request.mutable_training()->set_lease(lease);
    request.mutable_training()->set_used(used);
    return host_->ReportWork(request, kAnyTime);
  }

  ManualClock clock_;
  wire::WorkPlan plan_;
  std::unique_ptr<JobHost> host_;
  std::string fingerprint_;
  uint64_t ticket_ = 0;
};

TEST_F(WorkTest, HandsOutTheDataAndCountsWhatIsReported) {
  Start({.optimizer = "sgd { learning_rate: 0.25 }"});
  Join(0);
  const auto work = Take(0);
  ASSERT_TRUE(work.ok()) << work.status();
  EXPECT_EQ(work->training().begin(), 0u);
  EXPECT_EQ(work->training().end(), 10u);
  const auto reported = Report(0, work->training().lease(), 10);
  ASSERT_TRUE(reported.ok()) << reported.status();
  EXPECT_EQ(reported->steps(), 1u);
  EXPECT_FALSE(reported->stop());
  EXPECT_EQ(reported->learning_rate(), 0.25);
  EXPECT_EQ(Report(0, work->training().lease() + 1, 10).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(WorkTest, WhoIsNotJoinedGetsNoWork) {
  Start();
  EXPECT_FALSE(Take(3).ok());
  Join(3, 5);
  EXPECT_FALSE(Take(3, 4).ok());
  EXPECT_TRUE(Take(3, 5).ok());
}

TEST_F(WorkTest, AJobWithoutAPlanHasNoWork) {
  host_ = std::make_unique<JobHost>(JobHost::Options{.server_incarnation = 9});
  const wire::CreateJobRequest request = MakeCreateJob({});
  fingerprint_ = request.job_fingerprint();
  ASSERT_TRUE(host_->CreateJob(request, kAnyTime).ok());
  Join(0);
  EXPECT_THAT(std::string(Take(0).status().message()), HasSubstr("no plan"));
}

TEST_F(WorkTest, AnotherServerThanTheFirstNamesTheOneToAsk) {
  Start({.servers = {0, 1}}, 1);
  Join(0);
  EXPECT_THAT(std::string(Take(0).status().message()), HasSubstr("ask server/0"));
}

TEST_F(WorkTest, APlanThatMakesNoSenseMakesNoJob) {
  plan_.set_batch(0);
  JobHost host({.server_incarnation = 9});
  wire::CreateJobRequest request = MakeCreateJob({});
  *request.mutable_plan() = plan_;
  EXPECT_THAT(std::string(host.CreateJob(request, kAnyTime).status().message()), HasSubstr("at least 1 example"));
  EXPECT_EQ(host.job(), nullptr);
}

TEST_F(WorkTest, WhatAWorkerHadGoesToOthersWhenItLeavesDiesOrIsReplaced) {
  Start();
  for (const WorkerId worker : {0, 1, 2, 3}) Join(worker);
  const uint64_t first = Take(0)->training().begin();
  const uint64_t second = Take(1)->training().begin();
  const uint64_t third = Take(2)->training().begin();

  wire::LeaveRequest leave;
  leave.set_job_fingerprint(fingerprint_);
  leave.set_worker(0);
  leave.set_incarnation(1);
  ASSERT_TRUE(host_->Leave(leave, kAnyTime).ok());
  EXPECT_EQ(Take(3)->training().begin(), first);

  Join(1, 2);
  EXPECT_EQ(Take(3)->training().begin(), second);

  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Seconds(2));
    wire::HeartbeatRequest beat;
    beat.set_job_fingerprint(fingerprint_);
    beat.set_worker(3);
    beat.set_incarnation(1);
    ASSERT_TRUE(host_->Heartbeat(beat, kAnyTime).ok());
    host_->Sweep();
  }
  EXPECT_EQ(Take(3)->training().begin(), third);
}

TEST_F(WorkTest, TheTimeOfARunEnds) {
  plan_.set_seconds(60);
  plan_.set_steps(0);
  Start();
  Join(0);
  clock_.Advance(absl::Seconds(100));  // before anybody asked
  const auto work = Take(0);
  clock_.Advance(absl::Seconds(5));
  EXPECT_FALSE(Report(0, work->training().lease(), 5)->stop());
  clock_.Advance(absl::Seconds(60));
  EXPECT_TRUE(Report(0, work->training().lease(), 10)->stop());
  EXPECT_EQ(Take(0)->finished().why(), "its 60 seconds are over");
}

TEST_F(WorkTest, ARunCanBeStopped) {
  Start();
  Join(0);
  const auto work = Take(0);
  wire::StopJobRequest stop;
  stop.set_why("stopped by Ctrl-C");
  ASSERT_TRUE(host_->StopJob(stop).ok());
  EXPECT_TRUE(Report(0, work->training().lease(), 10)->stop());
  EXPECT_EQ(Take(0)->finished().why(), "stopped by Ctrl-C");
}

}  // namespace
}  // namespace downpour
