// What a server tells of itself, and what a person may have it do.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/service/job_host.h"
#include "server/service/recent_rates.h"
#include "server/service/session_fixture.h"

namespace downpour {
namespace {

using ::testing::HasSubstr;
using testing::kAnyTime;
using testing::MakeCreateJob;
using testing::TestServer;
using testing::TestStream;

wire::StatusReport Describe(JobHost* host, bool without_shards = false) {
  wire::StatusRequest request;
  request.set_without_shards(without_shards);
  return host->Describe(request);
}

TEST(HostStatusTest, AServerWithoutAJobSaysWhatItWaitsFor) {
  JobHost host({.server = 3, .server_incarnation = 9, .tasks = {{"worker/0", "box:1"}}});
  host.SetAddress("me:7070");
  const wire::StatusReport report = Describe(&host);
  EXPECT_EQ(report.task().task(), "server/3");
  EXPECT_EQ(report.task().state(), wire::TaskStatus::WAITING);
  EXPECT_THAT(report.task().waiting_for(), HasSubstr("first worker"));
  EXPECT_EQ(report.task().incarnation(), 9);
  EXPECT_GT(report.task().resident_bytes(), 0);
  ASSERT_EQ(report.tasks_size(), 2);
  EXPECT_EQ(report.tasks(0).address(), "me:7070");
  EXPECT_EQ(report.tasks(1).task(), "worker/0");
  EXPECT_FALSE(report.has_job());
}

TEST(HostStatusTest, ShardsAndStreamsAreCounted) {
  TestServer server({.tables = {4, 4}, .shard_elements = 2});
  const uint64_t incarnation = server.Join(1);
  TestStream stream(&server);
  stream.SayHello(1, incarnation);
  stream.Push(0, 1, {1, 1});
  stream.Push(0, 2, {1, 1});
  stream.Push(0, 3, {NAN, 1});
  stream.Pull(1, {0});
  stream.ReadAll();
  server.clock.Advance(absl::Seconds(4));
  const wire::StatusReport report = Describe(&server.host);
  EXPECT_EQ(report.task().state(), wire::TaskStatus::RUNNING);
  EXPECT_EQ(report.job().policy(), "async");
  EXPECT_EQ(report.job().optimizer(), "sgd");
  EXPECT_EQ(report.job().parameters(), 8);
  EXPECT_EQ(report.server().shard_count(), 4);
  ASSERT_EQ(report.server().shards_size(), 4);
  const wire::ShardStatus& shard = report.server().shards(0);
  EXPECT_EQ(shard.begin(), 0);
  EXPECT_EQ(shard.end(), 2);
  EXPECT_EQ(shard.bytes(), 8);
  EXPECT_EQ(shard.version(), 2);
  EXPECT_EQ(shard.updates_per_second(), 0.5);
  EXPECT_GT(shard.push_seconds(), 0);
  EXPECT_EQ(report.server().pushes_applied(), 2);
  EXPECT_EQ(report.server().pulls_answered(), 1);
  EXPECT_EQ(report.server().bytes_received(), 16);
  EXPECT_EQ(report.server().bytes_sent(), 8);
  EXPECT_EQ(report.server().updates_per_second(), 0.5);
  EXPECT_EQ(report.server().refusals().at("not_finite"), 1);
  EXPECT_EQ(report.server().streams(), 1);
  ASSERT_EQ(report.server().staleness_size(), 2);  // the second came from weights before the first
  ASSERT_EQ(report.workers_size(), 1);
  EXPECT_EQ(report.workers(0).name(), "worker/1");
  EXPECT_EQ(report.workers(0).bytes_received(), 24);  // what was refused was received
  EXPECT_EQ(report.workers(0).bytes_sent(), 8);
  EXPECT_EQ(report.workers(0).refusals().at("not_finite"), 1);
  EXPECT_EQ(Describe(&server.host, /*without_shards=*/true).server().shards_size(), 0);
}

TEST(HostStatusTest, TheSilentAreSuspectThenDeadAndTheirReturnIsSeen) {
  TestServer server({}, {.heartbeat_timeout = absl::Seconds(1)});
  server.Join(1);
  const uint64_t left = server.Join(2);
  server.Leave(2, left);
  EXPECT_EQ(Describe(&server.host).workers(0).state(), wire::WorkerStatus::LIVE);
  EXPECT_EQ(Describe(&server.host).workers(1).state(), wire::WorkerStatus::LEFT);
  for (int i = 0; i < 4; ++i) {
    server.clock.Advance(absl::Milliseconds(300));
    server.host.Sweep();
  }
  EXPECT_EQ(Describe(&server.host).workers(0).state(), wire::WorkerStatus::SUSPECT);
  EXPECT_NEAR(Describe(&server.host).workers(0).silent_seconds(), 1.2, 1e-6);
  for (int i = 0; i < 3; ++i) {
    server.clock.Advance(absl::Milliseconds(300));
    server.host.Sweep();
  }
  EXPECT_EQ(Describe(&server.host).workers(0).state(), wire::WorkerStatus::DEAD);
  EXPECT_EQ(Describe(&server.host).workers(0).deaths(), 1);
  server.Join(1);
  const wire::StatusReport back = Describe(&server.host);
  EXPECT_EQ(back.workers(0).state(), wire::WorkerStatus::LIVE);
  EXPECT_EQ(back.workers(0).deaths(), 1);
  EXPECT_EQ(back.workers(0).joined_seconds(), 0);
}

TEST(HostStatusTest, AHeartbeatTellsHowItsWorkerFares) {
  TestServer server;
  wire::HeartbeatRequest beat;
  beat.set_job_fingerprint(server.fingerprint);
  beat.set_worker(1);
  beat.set_incarnation(server.Join(1));
  beat.set_clock(7);
  beat.mutable_load()->set_examples_per_second(250);
  beat.mutable_load()->set_device("cpu:0");
  ASSERT_TRUE(server.host.Heartbeat(beat, kAnyTime).ok());
  EXPECT_EQ(Describe(&server.host).workers(0).load().device(), "cpu:0");
  EXPECT_EQ(Describe(&server.host).workers(0).clock(), 7);
  // Of a stranger's making: not kept.
  beat.mutable_load()->set_device(std::string(100'000, 'x'));
  ASSERT_TRUE(server.host.Heartbeat(beat, kAnyTime).ok());
  EXPECT_EQ(Describe(&server.host).workers(0).load().device(), "cpu:0");
  server.Leave(1, beat.incarnation());
  EXPECT_FALSE(Describe(&server.host).workers(0).has_load());
}

TEST(HostStatusTest, AddressesAreLearntFromThoseWhoJoin) {
  TestServer server;
  wire::JoinRequest join;
  join.mutable_versions()->set_version(1);
  join.mutable_versions()->set_version_min(1);
  join.set_job_fingerprint(server.fingerprint);
  join.set_worker(65536 + 5);  // the second replica of worker/5
  join.set_status_address("gpu-box:7080");
  (*join.mutable_server_addresses())[1] = "other:7070";
  const auto joined = server.host.Join(join, kAnyTime);
  ASSERT_TRUE(joined.ok());
  EXPECT_GT(joined->heartbeat_period_ms(), 0);
  const wire::StatusReport report = Describe(&server.host);
  ASSERT_EQ(report.tasks_size(), 2);
  EXPECT_EQ(report.tasks(0).task(), "server/1");
  EXPECT_EQ(report.tasks(1).task(), "worker/5");
  EXPECT_EQ(report.tasks(1).address(), "gpu-box:7080");
  EXPECT_EQ(report.workers(0).name(), "worker/5:1");
}

// A job with a plan of 8 steps of 10 examples.
class SteeredTest : public ::testing::Test {
 protected:
  SteeredTest() {
    wire::CreateJobRequest request = MakeCreateJob({});
    fingerprint_ = request.job_fingerprint();
    request.set_name("mnist");
    request.mutable_plan()->set_examples(40);
    request.mutable_plan()->set_batch(10);
    request.mutable_plan()->set_slice_batches_max(1);
    request.mutable_plan()->set_steps(8);
    EXPECT_TRUE(host_.CreateJob(request, kAnyTime).ok());
  }

  uint64_t Join(uint32_t worker) {
    wire::JoinRequest request;
    request.mutable_versions()->set_version(1);
    request.mutable_versions()->set_version_min(1);
    request.set_job_fingerprint(fingerprint_);
    request.set_worker(worker);
    return host_.Join(request, kAnyTime)->incarnation();
  }
  wire::TakeWorkResponse Take(uint32_t worker, uint64_t incarnation) {
    wire::TakeWorkRequest request;
    request.set_job_fingerprint(fingerprint_);
    request.set_worker(worker);
    request.set_incarnation(incarnation);
    request.set_ticket(++ticket_);
    return *host_.TakeWork(request, kAnyTime);
  }

  ManualClock clock_;
  bool shut_down_ = false;
  JobHost host_{{.server_incarnation = 9, .clock = &clock_, .shut_down = [this] { shut_down_ = true; }}};
  std::string fingerprint_;
  uint64_t ticket_ = 0;
};

TEST_F(SteeredTest, ADrainedWorkerGetsNoMoreWorkAndOthersDo) {
  const uint64_t one = Join(1);
  const uint64_t second_replica = Join(65536 + 1);
  const uint64_t two = Join(2);
  wire::DrainWorkerRequest drain;
  drain.set_task(1);
  const auto drained = host_.DrainWorker(drain);
  ASSERT_TRUE(drained.ok()) << drained.status();
  EXPECT_EQ(drained->replicas(), 2);
  EXPECT_TRUE(Describe(&host_).workers(0).draining());
  EXPECT_THAT(Take(1, one).finished().why(), HasSubstr("drained"));
  EXPECT_TRUE(Take(65536 + 1, second_replica).has_finished());
  EXPECT_TRUE(Take(2, two).has_training());
  // A new process under the number is welcome.
  EXPECT_TRUE(Take(1, Join(1)).has_training());
  drain.set_task(77);
  EXPECT_EQ(host_.DrainWorker(drain).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SteeredTest, AStoppedJobIsOverAndSaysWhy) {
  const uint64_t one = Join(1);
  EXPECT_TRUE(Take(1, one).has_training());
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(Describe(&host_).run().leases_open(), 1);
  EXPECT_EQ(Describe(&host_).run().steps_planned(), 8);
  EXPECT_EQ(Describe(&host_).run().seconds(), 3);
  EXPECT_EQ(Describe(&host_).job().name(), "mnist");
  EXPECT_FALSE(Describe(&host_).run().finished());
  EXPECT_FALSE(host_.StopJob({})->was_over());
  EXPECT_THAT(Take(1, one).finished().why(), HasSubstr("stopped by request"));
  EXPECT_TRUE(Describe(&host_).run().finished());
  EXPECT_EQ(Describe(&host_).task().state(), wire::TaskStatus::FINISHED);
  EXPECT_TRUE(host_.StopJob({})->was_over());
  EXPECT_TRUE(host_.Shutdown({}).ok());
  EXPECT_TRUE(shut_down_);
}

TEST(RecentRatesTest, LookBackTwoSecondsAndNoShorter) {
  RecentRates rates;
  EXPECT_EQ(rates.Look(absl::Seconds(10), {0})[0], 0);
  EXPECT_EQ(rates.Look(absl::Seconds(11), {10})[0], 10);
  EXPECT_EQ(rates.Look(absl::Seconds(12), {40})[0], 20);
  EXPECT_EQ(rates.Look(absl::Seconds(14), {80})[0], 20);
  EXPECT_EQ(rates.Look(absl::Seconds(15), {90})[0], 50.0 / 3);  // since 12
  EXPECT_EQ(rates.Look(absl::Seconds(16), {0})[0], 0);          // began anew
}

}  // namespace
}  // namespace downpour
