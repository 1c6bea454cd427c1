// The control calls, without any transport.
#include "server/service/job_host.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/service/session_fixture.h"

namespace downpour {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::JobSetup;
using testing::kAnyTime;
using testing::MakeCreateJob;
using testing::TestServer;
using testing::TestStream;

TEST(JobHostTest, TheFirstCallCreatesTheJobAndTheSecondFindsIt) {
  ManualClock clock;
  JobHost host({.server_incarnation = 9, .clock = &clock});
  const auto first = host.CreateJob(MakeCreateJob({}), kAnyTime);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(first->created());
  EXPECT_EQ(first->version(), 1);
  EXPECT_EQ(first->server_incarnation(), 9);
  EXPECT_EQ(first->epoch(), 1);
  const auto second = host.CreateJob(MakeCreateJob({}), kAnyTime);
  ASSERT_TRUE(second.ok());
  EXPECT_FALSE(second->created());
}

TEST(JobHostTest, AnotherJobIsRefusedWithBothFingerprints) {
  TestServer server({.fingerprint = 'a'});
  const auto other = server.host.CreateJob(MakeCreateJob({.fingerprint = 'b'}), kAnyTime);
  EXPECT_EQ(other.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("616161"));
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("626262"));
}

TEST(JobHostTest, EachTableIsUpdatedInItsOwnWay) {
  JobHost host({.server_incarnation = 9});
  wire::CreateJobRequest request = MakeCreateJob(
      {.tables = {2, 2}, .optimizer = "momentum { learning_rate: 0.5 momentum: 0.5 } average { decay: 0.9 }"});
  request.mutable_shard_map()->mutable_tables(0)->set_role(TableProto::STATE);
  request.mutable_shard_map()->mutable_tables(1)->set_learning_rate_multiplier(2);
  ASSERT_TRUE(host.CreateJob(request, kAnyTime).ok());
  const std::vector<float> gradient = {1, 1};
  for (ShardId id : {0, 1}) {
    Shard& shard = *host.job()->shard(id);
    shard.Join(1, 1, 0);
    PushRequest push;
    push.epoch = 1;
    push.worker = 1;
    push.incarnation = 1;
    push.element_count = gradient.size();
    push.slices = {{reinterpret_cast<const std::byte*>(gradient.data()), gradient.size() * sizeof(float)}};
    for (uint64_t sequence : {1, 2}) {
      push.sequence = push.clock = sequence;
      EXPECT_EQ(shard.Push(push).outcome.fate, PushFate::kApplied) << id;
    }
  }
  EXPECT_EQ(host.job()->shard(0)->Read(false)->values.block(0)[0], -2);
  EXPECT_EQ(host.job()->shard(0)->Read(true)->values.block(0)[0], -2);  // its own average
  EXPECT_EQ(host.job()->shard(1)->Read(false)->values.block(0)[0], -2.5);
  EXPECT_NE(host.job()->shard(1)->Read(true)->values.block(0)[0], -2.5);
}

TEST(JobHostTest, AJobThatMakesNoSenseLeavesNoneBehind) {
  JobHost host({.server_incarnation = 9});
  const auto refuse = [&](auto&& change, absl::StatusCode code, const std::string& word) {
    wire::CreateJobRequest request = MakeCreateJob({});
    change(&request);
    const auto created = host.CreateJob(request, kAnyTime);
    EXPECT_EQ(created.status().code(), code) << created.status();
    EXPECT_THAT(std::string(created.status().message()), HasSubstr(word));
    EXPECT_EQ(host.job(), nullptr);
  };
  using Request = wire::CreateJobRequest;
  const auto invalid = absl::StatusCode::kInvalidArgument;
  refuse([](Request* r) { r->set_job_fingerprint("short"); }, invalid, "32");
  refuse([](Request* r) { r->mutable_shard_map()->set_epoch(0); }, invalid, "epoch");
  refuse([](Request* r) { r->clear_optimizer(); }, invalid, "optimizer");
  refuse([](Request* r) { r->mutable_policy()->mutable_async()->set_push_every(0); }, invalid, "push_every");
  refuse([](Request* r) { r->mutable_shard_map()->mutable_tables(0)->set_dtype(FLOAT16); }, invalid, "float32");
  refuse(
      [](Request* r) {
        r->mutable_shard_map()->set_servers(0, 4);
        r->mutable_shard_map()->mutable_shards(0)->set_server(4);
      },
      invalid, "server/0");
  refuse(
      [](Request* r) {
        r->mutable_policy()->mutable_sync();
        r->mutable_optimizer()->mutable_delay_compensation();
      },
      invalid, "delay_compensation");
  refuse([](Request* r) { r->clear_versions(); }, absl::StatusCode::kFailedPrecondition, "version");
  refuse(
      [](Request* r) {
        r->mutable_versions()->set_version(9);
        r->mutable_versions()->set_version_min(7);
      },
      absl::StatusCode::kFailedPrecondition, "update the server");
}

TEST(JobHostTest, AJobThatDoesNotFitIsRefusedBeforeAnythingIsAllocated) {
  JobHost host({.server_incarnation = 9, .memory_max = 16 << 20});
  const auto created = host.CreateJob(MakeCreateJob({.tables = {uint64_t{1} << 36}}), kAnyTime);
  EXPECT_EQ(created.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(created.status().message()), HasSubstr("--memory_max"));
  EXPECT_EQ(host.job(), nullptr);
}

TEST(JobHostTest, IncarnationsGrowAndARetryGetsTheSameAnswer) {
  TestServer server;
  EXPECT_EQ(server.Join(3), 1);
  EXPECT_EQ(server.Join(3), 2);
  EXPECT_EQ(server.Join(3, 2), 2);
  EXPECT_EQ(server.Join(3, 1), 0);
  EXPECT_EQ(server.Join(4), 1);
}

TEST(JobHostTest, OnlyTheFirstServerOfTheMapGivesIncarnations) {
  JobSetup setup;
  setup.servers = {0, 5};
  JobHost host({.server = 5, .server_incarnation = 9});
  ASSERT_TRUE(host.CreateJob(MakeCreateJob(setup), kAnyTime).ok());
  wire::JoinRequest request;
  request.mutable_versions()->set_version(1);
  request.mutable_versions()->set_version_min(1);
  request.set_job_fingerprint(std::string(32, 'f'));
  EXPECT_EQ(host.Join(request, kAnyTime).status().code(), absl::StatusCode::kFailedPrecondition);
  request.set_incarnation(12);
  const auto joined = host.Join(request, kAnyTime);
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(joined->incarnation(), 12);
  EXPECT_THAT(joined->shard_map().servers(), ElementsAre(0, 5));
}

// The map of a job of two tables, in which server 5 has the second, changed by the test.
ShardMapProto NewerMap() {
  ShardMapProto map = MakeCreateJob({.tables = {4, 4}, .servers = {0, 5}}).shard_map();
  map.set_epoch(2);
  map.mutable_shards(1)->set_server(5);
  return map;
}

absl::Status InstallMap(JobHost* host, const ShardMapProto& map) {
  return host->InstallMap(ShardMap::FromProto(map).value());
}

TEST(JobHostTest, OfANewerMapEverybodyHearsAndOldEpochsAreRefused) {
  JobHost host({.server_incarnation = 9});
  EXPECT_EQ(InstallMap(&host, NewerMap()).code(), absl::StatusCode::kNotFound);

  TestServer server({.tables = {4, 4}});
  const uint64_t incarnation = server.Join(1);
  TestStream stream(&server);
  stream.SayHello(1, incarnation);
  stream.Push(0, 1, {1, 1, 1, 1});
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1");
  ShardMapProto map = MakeCreateJob({.tables = {4, 4}}).shard_map();
  map.set_epoch(3);
  map.add_servers(7);
  ASSERT_EQ(InstallMap(&server.host, map), absl::OkStatus());

  stream.Push(0, 1, {1, 1, 1, 1});  // also what was applied is answered under the new epoch only
  EXPECT_EQ(stream.ReadFate(), "REFUSED EPOCH_STALE");
  wire::PushPiece header = stream.Header(0, 1, {1, 1, 1, 1});
  header.set_epoch(3);
  stream.Send(stream.Piece(header, {1, 1, 1, 1}));
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1 again");
  header.set_shard(1);
  stream.Send(stream.Piece(header, {1, 1, 1, 1}));
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1");
  EXPECT_EQ(server.WeightsOf(0), (std::vector<float>{-1, -1, -1, -1}));

  wire::JoinRequest request;
  request.mutable_versions()->set_version(1);
  request.mutable_versions()->set_version_min(1);
  request.set_job_fingerprint(server.fingerprint);
  request.set_worker(1);
  request.set_incarnation(incarnation);
  const auto joined = server.host.Join(request, kAnyTime);
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(joined->shard_map().epoch(), 3);
  EXPECT_THAT(joined->shard_map().servers(), ElementsAre(0, 7));
  EXPECT_EQ(server.host.CreateJob(MakeCreateJob({.tables = {4, 4}}), kAnyTime)->epoch(), 3);
}

TEST(JobHostTest, AMapThatAsksForMoreThanAnEpochIsRefusedAndChangesNothing) {
  const auto refuse = [](ServerId id, auto&& change, absl::StatusCode code, const std::string& word) {
    wire::CreateJobRequest job = MakeCreateJob({.tables = {4, 4}, .servers = {0, 5}});
    job.mutable_shard_map()->mutable_shards(1)->set_server(5);
    JobHost host({.server = id, .server_incarnation = 9});
    ASSERT_TRUE(host.CreateJob(job, kAnyTime).ok());
    ASSERT_EQ(InstallMap(&host, NewerMap()), absl::OkStatus());
    ShardMapProto map = NewerMap();
    map.set_epoch(3);
    change(&map);
    const absl::Status refused = InstallMap(&host, map);
    EXPECT_EQ(refused.code(), code) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(word));
    EXPECT_EQ(host.job()->map()->epoch(), 2);
  };
  const auto invalid = absl::StatusCode::kInvalidArgument, failed = absl::StatusCode::kFailedPrecondition;
  refuse(
      0, [](ShardMapProto* map) { map->set_epoch(2); }, invalid, "not newer");
  refuse(
      0,
      [](ShardMapProto* map) {
        map->mutable_tables(0)->set_name("another");
        map->mutable_shards(0)->set_table("another");
      },
      invalid, "cuts");
  refuse(
      0, [](ShardMapProto* map) { map->mutable_shards(1)->set_server(0); }, failed, "do not move");
  refuse(
      5, [](ShardMapProto* map) { map->mutable_shards(1)->set_server(0); }, failed, "do not move");
  refuse(
      5, [](ShardMapProto* map) { map->mutable_shards(0)->set_server(5); }, failed, "do not move");
  refuse(
      5,
      [](ShardMapProto* map) {
        map->set_servers(0, 3);
        map->mutable_shards(0)->set_server(3);
      },
      failed, "incarnations");
}

TEST(JobHostTest, AJoinWithoutAJobAndOneOfAnotherJobAreRefused) {
  JobHost host({.server_incarnation = 9});
  wire::JoinRequest request;
  request.mutable_versions()->set_version(1);
  request.mutable_versions()->set_version_min(1);
  request.set_job_fingerprint(std::string(32, 'x'));
  EXPECT_EQ(host.Join(request, kAnyTime).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(host.CreateJob(MakeCreateJob({}), kAnyTime).ok());
  EXPECT_THAT(std::string(host.Join(request, kAnyTime).status().message()), HasSubstr("another job"));
}

TEST(JobHostTest, AWorkerThatJoinsARunningJobStartsFromTheSmallestClockOfItsShards) {
  TestServer server({.tables = {4, 4}});
  const uint64_t first = server.Join(1);
  TestStream stream(&server);
  stream.SayHello(1, first);
  for (uint64_t sequence = 1; sequence <= 5; ++sequence) stream.Push(0, sequence, {1, 1, 1, 1});
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) stream.Push(1, sequence, {1, 1, 1, 1});
  wire::JoinRequest request;
  request.mutable_versions()->set_version(1);
  request.mutable_versions()->set_version_min(1);
  request.set_job_fingerprint(server.fingerprint);
  request.set_worker(2);
  EXPECT_EQ(server.host.Join(request, kAnyTime)->clock(), 3);
  request.set_worker(3);
  request.set_clock(2);  // that another server has named
  EXPECT_EQ(server.host.Join(request, kAnyTime)->clock(), 2);
}

TEST(JobHostTest, ALeaveThatOvertakesItsJoinKeepsTheDeadOut) {
  TestServer server;
  EXPECT_EQ(server.Join(3), 1);
  server.Leave(3, 2);
  EXPECT_EQ(server.Join(3, 2), 0);
  EXPECT_EQ(server.Join(3), 3);
}

TEST(JobHostTest, AWorkerThatIsNotHeardOfIsGivenUpForDead) {
  TestServer server({}, {.heartbeat_timeout = absl::Seconds(5)});
  const uint64_t silent = server.Join(1);
  const uint64_t alive = server.Join(2);
  for (int i = 0; i < 12; ++i) {
    server.clock.Advance(absl::Seconds(1));
    EXPECT_TRUE(server.Heartbeat(2, alive).ok());
    server.host.Sweep();
  }
  EXPECT_EQ(server.Heartbeat(1, silent).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(server.Heartbeat(2, alive).ok());
  EXPECT_EQ(server.Join(1), silent + 1);
}

TEST(JobHostTest, WhatAWorkerPushesCountsAsBeingHeardOf) {
  TestServer server({}, {.heartbeat_timeout = absl::Seconds(5)});
  const uint64_t incarnation = server.Join(1);
  TestStream stream(&server);
  stream.SayHello(1, incarnation);
  for (uint64_t i = 1; i <= 12; ++i) {
    server.clock.Advance(absl::Seconds(1));
    stream.Push(0, i, {1, 1, 1, 1});
    server.host.Sweep();
  }
  EXPECT_TRUE(server.Heartbeat(1, incarnation).ok());
}

TEST(JobHostTest, AServerThatStoodStillBlamesNobody) {
  TestServer server({}, {.heartbeat_timeout = absl::Seconds(5)});
  const uint64_t incarnation = server.Join(1);
  server.host.Sweep();
  server.clock.Advance(absl::Hours(1));
  server.host.Sweep();
  EXPECT_TRUE(server.Heartbeat(1, incarnation).ok());
}

TEST(JobHostTest, AHeartbeatTellsHowFarTheSlowestIs) {
  TestServer server;
  const uint64_t one = server.Join(1);
  const uint64_t two = server.Join(2);
  EXPECT_TRUE(server.Heartbeat(1, one, 7).ok());
  wire::HeartbeatRequest request;
  request.set_job_fingerprint(server.fingerprint);
  request.set_worker(2);
  request.set_incarnation(two);
  request.set_clock(5);
  const auto answer = server.host.Heartbeat(request, kAnyTime);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->clock_min(), 5);
  EXPECT_EQ(answer->epoch(), 1);
  EXPECT_EQ(answer->server_incarnation(), 77);
}

TEST(JobHostTest, NobodyWaitsForTheDead) {
  TestServer server({.policy = "sync {}"}, {.heartbeat_timeout = absl::Seconds(5)});
  const uint64_t one = server.Join(1);
  server.Join(2);
  TestStream stream(&server);
  stream.SayHello(1, one);
  stream.Push(0, 1, {1, 1, 1, 1});
  EXPECT_EQ(stream.ReadFate(), "HELD 0");
  for (int i = 0; i < 12; ++i) {
    server.clock.Advance(absl::Seconds(1));
    EXPECT_TRUE(server.Heartbeat(1, one).ok());
    server.host.Sweep();
  }
  EXPECT_TRUE(stream.woken());
  EXPECT_EQ(stream.ReadFate(), "APPLIED 1");
}

}  // namespace
}  // namespace downpour
