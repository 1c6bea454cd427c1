// Whole clusters in virtual time, from a seed: workers come, work, fall silent, die and come back under their number,
// against a real JobHost. What must hold whatever happens to them:
//   - who is silent for two heartbeat time-outs is given up, and nobody is who was heard of within 1.8 of them;
//   - the run ends, with every example of each epoch used: exactly once if nobody was lost, else at least once;
//   - no lease is with two workers at a time.
#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/philox.h"
#include "gtest/gtest.h"
#include "server/service/job_host.h"
#include "server/service/session_fixture.h"

namespace downpour {
namespace {

using testing::kAnyTime;
using testing::MakeCreateJob;

constexpr absl::Duration kTimeout = absl::Milliseconds(500);
constexpr absl::Duration kTick = absl::Milliseconds(50);  // and of sweeps
struct Scenario {
  uint64_t seed = 0;
  uint32_t workers = 4;
  uint64_t examples = 500;
  uint64_t epochs = 3;
  double losses = 0;  // chance of a worker to be lost, each tick
};

class Simulation {
 public:
  explicit Simulation(const Scenario& scenario)
      : scenario_(scenario), random_(scenario.seed, 0), workers_(scenario.workers) {
    SetMinLogSeverity(LogSeverity::kError);
    wire::CreateJobRequest request = MakeCreateJob({});
    fingerprint_ = request.job_fingerprint();
    wire::WorkPlan& plan = *request.mutable_plan();
    plan.set_examples(scenario.examples);
    plan.set_batch(10);
    plan.set_slice_batches_max(4);
    plan.set_steps((scenario.examples + 9) / 10 * scenario.epochs);
    EXPECT_TRUE(host_.CreateJob(request, kAnyTime).ok());
  }

  // The uses of each (epoch, batch); empty where the run did not end in time.
  std::map<std::pair<uint64_t, uint64_t>, int> Run() {
    constexpr int kTicksMax = 40'000;
    for (int tick = 0; tick < kTicksMax && finished_ < workers_.size(); ++tick) {
      clock_.Advance(kTick);
      for (uint32_t id = 0; id < workers_.size(); ++id) Act(id);
      host_.Sweep();
      CheckStates();
    }
    return finished_ == workers_.size() ? uses_ : decltype(uses_)();
  }
  int lost() const { return lost_; }

 private:
  struct Worker {
    uint64_t incarnation = 0;  // 0: not joined
    uint64_t lease = 0;        // 0: none
    uint64_t epoch = 0;
    uint64_t begin = 0, end = 0, at = 0;
    absl::Duration heard;        // when it last said something
    absl::Duration silent_till;  // does nothing before
    bool finished = false;
  };

  double Chance() { return static_cast<double>(static_cast<uint32_t>(random_())) / 4294967296.0; }

  template <typename Request>
  Request From(uint32_t id) {
    Request request;
    request.set_job_fingerprint(fingerprint_);
    request.set_worker(id);
    request.set_incarnation(workers_[id].incarnation);
    return request;
  }

  void Act(uint32_t id) {
    Worker& worker = workers_[id];
    if (worker.finished || clock_.Now() < worker.silent_till) return;
    if (Chance() < scenario_.losses) {
      ++lost_;
      // A process that is killed has forgotten all; one that stood still goes on as if nothing were.
      if (Chance() < 0.5) worker = Worker();
      worker.silent_till = clock_.Now() + Chance() * 6 * kTimeout;
      return;
    }
    worker.heard = clock_.Now();
    if (worker.incarnation == 0) return Join(id);
    wire::HeartbeatRequest beat = From<wire::HeartbeatRequest>(id);
    if (!host_.Heartbeat(beat, kAnyTime).ok()) {
      worker.incarnation = worker.lease = 0;
      return;
    }
    worker.lease == 0 ? Take(id) : Train(id);
  }

  void Join(uint32_t id) {
    wire::JoinRequest request = From<wire::JoinRequest>(id);
    request.mutable_versions()->set_version(1);
    request.mutable_versions()->set_version_min(1);
    const auto joined = host_.Join(request, kAnyTime);
    ASSERT_TRUE(joined.ok()) << joined.status();
    workers_[id].incarnation = joined->incarnation();
    workers_[id].lease = 0;
  }

  void Take(uint32_t id) {
    Worker& worker = workers_[id];
    wire::TakeWorkRequest request = From<wire::TakeWorkRequest>(id);
    request.set_ticket(++ticket_);
    const auto work = host_.TakeWork(request, kAnyTime);
    ASSERT_TRUE(work.ok()) << work.status();
    if (work->has_finished()) {
      host_.Leave(From<wire::LeaveRequest>(id), kAnyTime).IgnoreError();
      worker.finished = true;
      ++finished_;
    } else if (work->has_nothing()) {
      host_.Leave(From<wire::LeaveRequest>(id), kAnyTime).IgnoreError();
      worker.incarnation = 0;
    } else {
      ASSERT_TRUE(work->has_training());
      worker.lease = work->training().lease();
      worker.epoch = work->training().epoch();
      worker.begin = worker.at = work->training().begin();
      worker.end = work->training().end();
    }
  }

  void Train(uint32_t id) {
    Worker& worker = workers_[id];
    if (worker.at < worker.end) {
      ++uses_[{worker.epoch, worker.at / 10}];
      worker.at = std::min(worker.at / 10 * 10 + 10, worker.end);
    }
    if (worker.at < worker.end && Chance() < 0.5) return;
    wire::ReportWorkRequest report = From<wire::ReportWorkRequest>(id);
    report.mutable_training()->set_lease(worker.lease);
    report.mutable_training()->set_used(worker.at - worker.begin);
    const auto answer = host_.ReportWork(report, kAnyTime);
    ASSERT_TRUE(answer.ok()) << answer.status();
    if (worker.at == worker.end) worker.lease = 0;
  }

  void CheckStates() {
    const wire::StatusReport report = host_.Describe({});
    for (const wire::WorkerStatus& told : report.workers()) {
      const Worker& worker = workers_[told.worker()];
      if (worker.incarnation != told.incarnation()) continue;
      const absl::Duration silence = clock_.Now() - worker.heard;
      const bool lives = told.state() == wire::WorkerStatus::LIVE || told.state() == wire::WorkerStatus::SUSPECT;
      EXPECT_TRUE(!lives || silence <= 2 * kTimeout) << told.name() << " silent for " << silence;
      EXPECT_TRUE(told.state() != wire::WorkerStatus::DEAD || silence > 1.8 * kTimeout)
          << told.name() << ' ' << silence;
      EXPECT_TRUE(told.state() != wire::WorkerStatus::SUSPECT || silence > kTimeout) << told.name() << ' ' << silence;
    }
  }

  const Scenario scenario_;
  PhiloxStream random_;
  ManualClock clock_;
  JobHost host_{{.server_incarnation = 9, .heartbeat_timeout = kTimeout, .clock = &clock_}};
  std::string fingerprint_;
  std::vector<Worker> workers_;
  std::map<std::pair<uint64_t, uint64_t>, int> uses_;
  uint64_t ticket_ = 0;
  size_t finished_ = 0;
  int lost_ = 0;
};

TEST(MembershipSimulation, WithoutLossesEveryExampleIsUsedOnceInEachEpoch) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Scenario scenario{.seed = seed, .workers = 1 + static_cast<uint32_t>(seed % 7)};
    Simulation simulation(scenario);
    const auto uses = simulation.Run();
    ASSERT_EQ(uses.size(), scenario.epochs * scenario.examples / 10) << "seed " << seed;
    for (const auto& [batch, count] : uses) ASSERT_EQ(count, 1) << "seed " << seed;
  }
}

TEST(MembershipSimulation, WithLossesEveryExampleIsUsedAndTheRunEnds) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const Scenario scenario{
        .seed = seed, .workers = 1 + static_cast<uint32_t>(seed % 9), .losses = seed % 2 == 0 ? 0.02 : 0.1};
    Simulation simulation(scenario);
    const auto uses = simulation.Run();
    ASSERT_EQ(uses.size(), scenario.epochs * scenario.examples / 10) << "seed " << seed;
    lost += simulation.lost();
  }
  EXPECT_GT(lost, 1000);
}

TEST(MembershipSimulation, AThousandWorkersComeAndGo) {
  const Scenario scenario{.seed = 1, .workers = 1000, .examples = 100'000, .epochs = 1, .losses = 0.01};
  Simulation simulation(scenario);
  EXPECT_EQ(simulation.Run().size(), scenario.examples / 10);
}

}  // namespace
}  // namespace downpour
