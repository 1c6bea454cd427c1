#include "cli/status/diagnosis.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/status/diagnosis_text.h"
#include "cli/status/example_cluster.h"
#include "common/base/philox.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace downpour {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Diagnosis Of(const ExampleCluster& cluster) { return Diagnose(cluster.At(100), cluster.At(105)); }

// "cause subject", worst first.
std::vector<std::string> CausesOf(const Diagnosis& diagnosis) {
  std::vector<std::string> causes;
  for (const Finding& finding : diagnosis.findings) causes.push_back(absl::StrCat(finding.cause, " ", finding.subject));
  return causes;
}
std::vector<std::string> CausesOf(const ExampleCluster& cluster) { return CausesOf(Of(cluster)); }

// As if all wait in step for the slowest, in their pulls.
void WaitForTheSlowest(ExampleCluster* cluster) {
  cluster->policy = "sync";
  double slowest = 0;
  for (const ExampleWorker& worker : cluster->workers) slowest = std::max(slowest, worker.Step());
  for (ExampleWorker& worker : cluster->workers) worker.pull += slowest - worker.Step();
}

TEST(Diagnosis, AHealthyJobIsAccusedOfNothing) {
  const Diagnosis diagnosis = Of(ExampleCluster::Of(2, 4));
  EXPECT_THAT(CausesOf(diagnosis), IsEmpty());
  EXPECT_THAT(diagnosis.notes, IsEmpty());
  EXPECT_THAT(
      DiagnosisText(diagnosis),
      HasSubstr("Nothing is wrong. 4 workers compute 71% of the time; 18% goes to data, 11% to pushes and pulls"));
}

// A fifth of noise to either side of everything.
TEST(Diagnosis, NoiseIsNoCause) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    PhiloxStream random(seed);
    const auto noisy = [&](double value) { return value * (0.8 + 0.4 * Uniform01Double(random())); };
    ExampleCluster cluster = ExampleCluster::Of(1 + seed % 3, 1 + seed % 8);
    cluster.policy = seed % 2 == 0 ? "async" : "bounded_staleness";
    for (ExampleWorker& worker : cluster.workers) {
      for (double* const phase : {&worker.data, &worker.compute, &worker.push, &worker.pull, &worker.wait}) {
        *phase = noisy(*phase);
      }
      worker.cores_used = noisy(1);
      for (uint32_t server = 0; server < cluster.servers.size(); ++server) {
        worker.round_trip[server] = noisy(0.004);
        worker.push_seconds[server] = noisy(0.02);
      }
    }
    for (ExampleServer& server : cluster.servers) {
      server.seconds_of_push = noisy(0.001);
      server.cores_used = noisy(2);
      server.bytes_share = noisy(1);
      for (uint32_t shard = 0; shard < 4; ++shard) server.shard_seconds[shard] = noisy(0.001);
    }
    if (seed % 4 == 3) WaitForTheSlowest(&cluster);
    EXPECT_THAT(CausesOf(cluster), IsEmpty()) << "seed " << seed << "\n" << DiagnosisText(Of(cluster));
  }
}

TEST(Diagnosis, NamesAStragglerThatOthersWaitFor) {
  ExampleCluster cluster = ExampleCluster::Of(2, 4);
  cluster.workers[2].compute = 0.2;
  cluster.workers[2].cores_used = 0.5;
  WaitForTheSlowest(&cluster);
  const Diagnosis diagnosis = Of(cluster);
  ASSERT_THAT(CausesOf(diagnosis), ElementsAre("straggler worker/2"));
  EXPECT_NEAR(diagnosis.findings[0].lost, 0.5, 0.1);
  const std::string text = DiagnosisText(diagnosis);
  EXPECT_THAT(text, HasSubstr("worker/2 is a straggler: it computes 2.5 times as long as the others (costs about"));
  EXPECT_THAT(text, HasSubstr("it computes 200 ms a step; the middle of the 3 others on cpu is 80 ms"));
  EXPECT_THAT(text, HasSubstr("the others wait for it: 57% of their time"));
  EXPECT_THAT(text,
              HasSubstr("its process would keep 0.9 cores busy and gets 0.50: others use host-2, or it is stopped"));
}

TEST(Diagnosis, AStragglerThatNobodyWaitsForCostsItsOwnShare) {
  ExampleCluster cluster = ExampleCluster::Of(1, 4);
  cluster.workers[1].compute = 0.2;
  const Diagnosis diagnosis = Of(cluster);
  ASSERT_THAT(CausesOf(diagnosis), ElementsAre("straggler worker/1"));
  EXPECT_NEAR(diagnosis.findings[0].lost, 0.5 / 4, 0.03);
  EXPECT_THAT(DiagnosisText(diagnosis), HasSubstr("nobody waits for it"));
}

TEST(Diagnosis, ComparesDevicesOfAKindOnly) {
  ExampleCluster cluster = ExampleCluster::Of(1, 4);
  for (const size_t i : {2, 3}) {
    cluster.workers[i].device = "cuda:0";
    cluster.workers[i].compute = 0.008;
  }
  EXPECT_THAT(CausesOf(cluster), Not(Contains(HasSubstr("straggler"))));
}

TEST(Diagnosis, NamesAWorkerThatDoesNotMove) {
  ExampleCluster cluster = ExampleCluster::Of(1, 3);
  cluster.workers[0].steps_per_second = 1e-9;
  EXPECT_THAT(CausesOf(cluster), Contains("straggler worker/0"));
  EXPECT_THAT(DiagnosisText(Of(cluster)), HasSubstr("worker/0 is live, but does not finish a step"));
}

TEST(Diagnosis, NamesAStarvingReader) {
  ExampleCluster cluster = ExampleCluster::Of(1, 3);
  cluster.workers[1].data = 0.2;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("starving_reader worker/1"));
  for (ExampleWorker& worker : cluster.workers) worker.data = 0.2;
  const Diagnosis all = Of(cluster);
  ASSERT_THAT(CausesOf(all), ElementsAre("starving_reader all 3 workers"));
  EXPECT_NEAR(all.findings[0].lost, 0.68, 0.02);
  EXPECT_THAT(DiagnosisText(all),
              HasSubstr("all 3 workers starve for data: 68% of their time goes to waiting for batches"));
}

TEST(Diagnosis, NamesASlowServer) {
  ExampleCluster cluster = ExampleCluster::Of(3, 4);
  for (ExampleWorker& worker : cluster.workers) {
    worker.round_trip[1] = 0.08;
    worker.push_seconds[1] = 0.09;
    worker.pull = 0.1;
  }
  cluster.servers[1].cores_used = 0.1;
  const Diagnosis diagnosis = Of(cluster);
  ASSERT_THAT(CausesOf(diagnosis), ElementsAre("slow_server server/1"));
  const std::string text = DiagnosisText(diagnosis);
  EXPECT_THAT(text, HasSubstr("a round trip to it takes 80 ms (the middle of 4 workers), to the others 1.0 ms"));
  EXPECT_THAT(text, HasSubstr("a push to it takes 90 ms, to the others 4.0 ms"));
  EXPECT_THAT(text, HasSubstr("it uses only 0.10 of 8 cores"));
}

TEST(Diagnosis, NamesAServerThatMoreGoesThroughThanThroughOthers) {
  ExampleCluster cluster = ExampleCluster::Of(2, 4);
  for (ExampleWorker& worker : cluster.workers) {
    worker.push_seconds[0] = 0.06;
    worker.pull = 0.1;
  }
  cluster.servers[0].bytes_share = 4;
  cluster.servers[0].cores_used = 7;
  const Diagnosis diagnosis = Of(cluster);
  ASSERT_THAT(CausesOf(diagnosis), ElementsAre("hot_server server/0"));
  EXPECT_THAT(DiagnosisText(diagnosis), HasSubstr("it receives 80% of all bytes; even would be 50%"));
}

TEST(Diagnosis, NamesALoneServerThatIsBusy) {
  ExampleCluster cluster = ExampleCluster::Of(1, 4);
  for (ExampleWorker& worker : cluster.workers) {
    worker.round_trip[0] = 0.2;
    worker.pull = 0.1;
  }
  cluster.servers[0].cores_used = 7.9;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("slow_server server/0"));
}

TEST(Diagnosis, NamesAHotShard) {
  ExampleCluster cluster = ExampleCluster::Of(2, 4);
  for (ExampleWorker& worker : cluster.workers) worker.pull = 0.1;
  cluster.servers[1].shard_seconds[2] = 0.15;
  const Diagnosis diagnosis = Of(cluster);
  ASSERT_THAT(CausesOf(diagnosis), ElementsAre("hot_shard shard 1002 of server/1"));
  const std::string text = DiagnosisText(diagnosis);
  EXPECT_THAT(text, HasSubstr("shard 1002 of server/1 (layer2/weights) is hot: pushes queue up for it"));
  EXPECT_THAT(text, HasSubstr("a push takes 150 ms there, in other shards of its size 1.0 ms"));
}

TEST(Diagnosis, NamesASlowLink) {
  for (const char* const policy : {"async", "sync"}) {
    ExampleCluster cluster = ExampleCluster::Of(2, 4);
    cluster.workers[3].round_trip[1] = 0.3;
    cluster.workers[3].push_seconds[1] = 0.2;
    cluster.workers[3].pull = 0.2;
    if (std::string(policy) == "sync") WaitForTheSlowest(&cluster);
    const Diagnosis diagnosis = Of(cluster);
    ASSERT_THAT(CausesOf(diagnosis), ElementsAre("slow_link worker/3 - server/1")) << policy;
    const std::string text = DiagnosisText(diagnosis);
    EXPECT_THAT(text, HasSubstr("the link from worker/3 to server/1 is slow: the server answers others quickly"));
    EXPECT_THAT(text, HasSubstr("a round trip to server/1 takes 300 ms; of the other workers 1.0 ms"));
    EXPECT_GT(diagnosis.findings[0].lost, std::string(policy) == "sync" ? 0.4 : 0.1);
  }
}

TEST(Diagnosis, AllLinksOfAWorkerAreItsNetwork) {
  ExampleCluster cluster = ExampleCluster::Of(3, 4);
  for (uint32_t server = 0; server < 3; ++server) cluster.workers[0].round_trip[server] = 0.3;
  cluster.workers[0].pull = 0.2;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("slow_link worker/0 - all servers"));
}

TEST(Diagnosis, WhoIsStoppedHalfOfTheTimeIsNoSlowLink) {
  ExampleCluster cluster = ExampleCluster::Of(2, 4);
  ExampleWorker& worker = cluster.workers[0];
  for (double* const phase : {&worker.data, &worker.compute, &worker.push, &worker.pull}) *phase *= 3;
  worker.pull = 0.1;
  worker.cores_used = 0.3;
  for (uint32_t server = 0; server < 2; ++server) worker.round_trip[server] = 0.3;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("straggler worker/0"));
}

TEST(Diagnosis, WhoIsSlowToTellItsStatusTooIsHeldUp) {
  ExampleCluster cluster = ExampleCluster::Of(2, 4);
  cluster.workers[1].compute = 0.12;
  cluster.workers[1].pull = 0.3;
  for (uint32_t server = 0; server < 2; ++server) cluster.workers[1].round_trip[server] = 0.3;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("slow_link worker/1 - all servers"));
  ClusterSample before = cluster.At(100), now = cluster.At(105);
  before.tasks[3].round_trip_seconds = now.tasks[3].round_trip_seconds = 0.1;
  const Diagnosis diagnosis = Diagnose(before, now);
  EXPECT_THAT(CausesOf(diagnosis), ElementsAre("straggler worker/1"));
  EXPECT_THAT(DiagnosisText(diagnosis), HasSubstr("it took 100 ms to tell its status, the others 2.0 ms"));
}

TEST(Diagnosis, NamesLinksThatBreak) {
  ExampleCluster cluster = ExampleCluster::Of(2, 2);
  cluster.workers[1].reconnects[0] = 2;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("broken_link worker/1 - server/0"));
}

TEST(Diagnosis, NamesServersThatDoNotAnswer) {
  ExampleCluster cluster = ExampleCluster::Of(3, 2);
  cluster.servers[2].answers = false;
  const Diagnosis diagnosis = Of(cluster);
  ASSERT_THAT(CausesOf(diagnosis), Contains("no_answer server/2"));
  EXPECT_EQ(diagnosis.findings[0].cause, "no_answer");
  EXPECT_THAT(DiagnosisText(diagnosis), HasSubstr("connection refused; is the server up?"));
}

TEST(Diagnosis, NamesWhoIsSilentAndWhoIsDead) {
  ExampleCluster cluster = ExampleCluster::Of(1, 4);
  cluster.policy = "bounded_staleness";
  for (ExampleWorker& worker : cluster.workers) worker.pull = 0.15;
  cluster.workers[1].state = wire::WorkerStatus::SUSPECT;
  cluster.workers[1].silent_seconds = 0.8;
  cluster.workers[1].answers = false;
  const Diagnosis suspect = Of(cluster);
  ASSERT_THAT(CausesOf(suspect), ElementsAre("lost_worker worker/1"));
  EXPECT_THAT(DiagnosisText(suspect), AllOf(HasSubstr("nothing was heard of it for 0.8 s"),
                                            HasSubstr("the others wait for it, 61% of their time")));
  for (ExampleWorker& worker : cluster.workers) worker.pull = 0.008;
  cluster.workers[1].state = wire::WorkerStatus::DEAD;
  const Diagnosis dead = Of(cluster);
  ASSERT_THAT(CausesOf(dead), ElementsAre("lost_worker worker/1"));
  EXPECT_NEAR(dead.findings[0].lost, 0.25, 1e-9);
  EXPECT_THAT(dead.notes, IsEmpty()) << "a dead worker need not answer";
}

TEST(Diagnosis, AStragglerThatIsSilentNowAndThenIsAStraggler) {
  ExampleCluster cluster = ExampleCluster::Of(1, 4);
  cluster.workers[1].compute = 0.4;
  cluster.workers[1].state = wire::WorkerStatus::SUSPECT;
  WaitForTheSlowest(&cluster);
  EXPECT_THAT(CausesOf(cluster), ElementsAre("straggler worker/1"));
}

TEST(Diagnosis, NamesOverloadedHosts) {
  ExampleCluster cluster = ExampleCluster::Of(1, 4);
  cluster.host_cores = 2;
  for (ExampleWorker& worker : cluster.workers) {
    worker.host = "host-a";
    worker.cores_used = 0.5;
    worker.compute = 0.2;
  }
  const Diagnosis diagnosis = Of(cluster);
  ASSERT_THAT(CausesOf(diagnosis), ElementsAre("overloaded_host host-a"));
  EXPECT_THAT(DiagnosisText(diagnosis), AllOf(HasSubstr("the job's tasks on it want 3.4 cores, and it has 2"),
                                              HasSubstr("they use 2.0 of its 2 cores")));
}

TEST(Diagnosis, NamesAHostThatOthersUse) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  for (ExampleWorker& worker : cluster.workers) {
    worker.host = "host-a";
    worker.cores_used = 0.3;
    worker.compute = 0.2;
  }
  EXPECT_THAT(CausesOf(cluster), ElementsAre("overloaded_host host-a"));
}

TEST(Diagnosis, NamesEvaluationAndWaitingForWork) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  cluster.workers[0].evaluate = 0.1;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("evaluation worker/0"));
  cluster.workers[0].evaluate = 0;
  cluster.workers[1].wait = 0.1;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("waiting_for_work worker/1"));
}

TEST(Diagnosis, NamesMuchCommunicationWhereNobodyStandsOut) {
  ExampleCluster cluster = ExampleCluster::Of(2, 4);
  for (ExampleWorker& worker : cluster.workers) worker.push = 0.08, worker.pull = 0.12;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("communication the job"));
}

TEST(Diagnosis, NamesRefusalsLateGradientsAndStaleness) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  cluster.servers[0].refusals_per_second = {{"server_busy", 20}};
  cluster.workers[1].refusals_per_second = {{"server_busy", 20}};
  const Diagnosis refusals = Of(cluster);
  ASSERT_THAT(CausesOf(refusals), ElementsAre("refusals server/0"));
  EXPECT_THAT(DiagnosisText(refusals), AllOf(HasSubstr("100 refusals in 5.0 s, most of them server_busy (100)"),
                                             HasSubstr("most of them go to worker/1")));
  cluster = ExampleCluster::Of(1, 2);
  cluster.servers[0].dropped_per_second = 100;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("late_gradients the job"));
  cluster = ExampleCluster::Of(1, 2);
  cluster.servers[0].staleness = 40;
  EXPECT_THAT(CausesOf(cluster), ElementsAre("staleness server/0"));
}

TEST(Diagnosis, NamesSeveralCausesWorstFirst) {
  ExampleCluster cluster = ExampleCluster::Of(2, 6);
  cluster.servers[1].answers = false;
  cluster.workers[0].compute = 0.3;
  cluster.workers[1].data = 0.3;
  cluster.workers[2].round_trip[0] = 0.3;
  cluster.workers[2].pull = 0.3;
  const std::vector<std::string> causes = CausesOf(cluster);
  ASSERT_EQ(causes.size(), 4u) << DiagnosisText(Of(cluster));
  EXPECT_EQ(causes[0], "no_answer server/1");
  EXPECT_THAT(causes, Contains("straggler worker/0"));
  EXPECT_THAT(causes, Contains("starving_reader worker/1"));
  EXPECT_THAT(causes, Contains("slow_link worker/2 - server/0"));
}

TEST(Diagnosis, SaysWhenNothingMoves) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  ClusterSample before = cluster.At(100), now = cluster.At(100);
  now.seconds = before.seconds + 5;
  for (TaskSample& task : now.tasks) {
    task.report.mutable_task()->set_uptime_seconds(105);
    for (auto& worker : *task.report.mutable_workers()) worker.mutable_load()->set_seconds(105);
  }
  now.tasks[0].report.mutable_server()->set_pulls_waiting(2);
  EXPECT_THAT(CausesOf(Diagnose(before, now)), Contains("standstill the job"));
  EXPECT_THAT(DiagnosisText(Diagnose(before, now)), HasSubstr("server/0 has 2 pulls that wait"));
  now.tasks[0].report.mutable_run()->set_finished(true);
  EXPECT_THAT(CausesOf(Diagnose(before, now)), IsEmpty());
  EXPECT_THAT(DiagnosisText(Diagnose(before, now)), HasSubstr("The run is over."));
}

TEST(Diagnosis, LongStepsAreNoStandstill) {
  ExampleCluster cluster = ExampleCluster::Of(1, 2);
  for (ExampleWorker& worker : cluster.workers) worker.compute = 30;
  const Diagnosis diagnosis = Diagnose(cluster.At(91), cluster.At(92));
  EXPECT_THAT(CausesOf(diagnosis), IsEmpty());
  EXPECT_THAT(diagnosis.notes, Contains(HasSubstr("look for longer")));
}

TEST(Diagnosis, StandsJobsThatAreHardlyThere) {
  EXPECT_THAT(DiagnosisText(Diagnose({}, {})), HasSubstr("nothing to look at"));
  EXPECT_THAT(CausesOf(ExampleCluster::Of(1, 0)), IsEmpty());
  EXPECT_THAT(CausesOf(ExampleCluster::Of(0, 0)), IsEmpty());
  EXPECT_THAT(CausesOf(ExampleCluster::Of(1, 1)), IsEmpty());
  const ExampleCluster cluster = ExampleCluster::Of(2, 2);
  EXPECT_THAT(CausesOf(Diagnose({}, cluster.At(5))), IsEmpty());
  EXPECT_THAT(CausesOf(Diagnose(cluster.At(5), {})), IsEmpty());
  EXPECT_THAT(CausesOf(Diagnose(cluster.At(5), cluster.At(5))), IsEmpty());
  EXPECT_THAT(CausesOf(Diagnose(cluster.At(5), cluster.At(4))), IsEmpty());
}

// Every field of every report set to nonsense: no crash, no text that steers a terminal, JSON that is JSON.
TEST(Diagnosis, StandsNonsense) {
  const double kNonsense[] = {std::nan(""), -1.0, 1e300, std::numeric_limits<double>::infinity(), -1e300, 0.0, 1e-300};
  for (uint32_t seed = 0; seed < 400; ++seed) {
    PhiloxStream random(1000 + seed);
    const auto pick = [&](double sane) {
      const double number = Uniform01Double(random());
      return number < 0.5 ? sane : kNonsense[static_cast<size_t>((number - 0.5) * 2 * std::size(kNonsense))];
    };
    const auto count = [&](uint64_t sane) { return Uniform01Double(random()) < 0.7 ? sane : ~uint64_t{0}; };
    ClusterSample samples[2] = {ExampleCluster::Of(2, 3).At(100), ExampleCluster::Of(2, 3).At(105)};
    for (ClusterSample& sample : samples) {
      for (TaskSample& task : sample.tasks) {
        auto& report = task.report;
        report.mutable_task()->set_uptime_seconds(pick(report.task().uptime_seconds()));
        report.mutable_task()->set_cpu_seconds(pick(report.task().cpu_seconds()));
        report.mutable_task()->set_cores(Uniform01Double(random()) < 0.3 ? ~0u : report.task().cores());
        report.mutable_task()->set_host("\x1b[2J");
        report.mutable_job()->set_policy("\x07");
        auto* const server = report.mutable_server();
        server->set_push_seconds(pick(server->push_seconds()));
        server->set_pushes_applied(count(server->pushes_applied()));
        server->set_pushes_dropped(count(0));
        server->set_bytes_received(count(server->bytes_received()));
        server->set_staleness_mean(pick(1));
        (*server->mutable_refusals())["\x1b]0;x\x07"] = count(0);
        for (auto& shard : *server->mutable_shards()) {
          shard.set_push_seconds(pick(shard.push_seconds()));
          shard.set_pushes_applied(count(shard.pushes_applied()));
          shard.set_begin(count(0));
          shard.set_table("\x1b[0m");
        }
        for (auto& worker : *report.mutable_workers()) {
          if (Uniform01Double(random()) < 0.1) worker.set_state(static_cast<wire::WorkerStatus::State>(random() % 7));
          worker.set_silent_seconds(pick(1));
          auto* const load = worker.mutable_load();
          load->set_seconds(pick(load->seconds()));
          load->set_steps(count(load->steps()));
          load->set_device(Uniform01Double(random()) < 0.5 ? load->device() : std::string("\x9b+++:"));
          auto* const phases = load->mutable_phases();
          phases->set_data(pick(phases->data()));
          phases->set_compute(pick(phases->compute()));
          phases->set_pull(pick(phases->pull()));
          phases->set_wait(pick(phases->wait()));
          for (auto& link : *load->mutable_links()) {
            link.set_round_trip_seconds(pick(link.round_trip_seconds()));
            link.set_push_seconds(pick(link.push_seconds()));
            link.set_pull_seconds(pick(link.pull_seconds()));
            link.set_pushes_acknowledged(count(link.pushes_acknowledged()));
            link.set_reconnects(count(0));
            if (Uniform01Double(random()) < 0.2) link.set_server(~0u);
          }
        }
      }
    }
    const Diagnosis diagnosis = Diagnose(samples[0], samples[1]);
    for (const Finding& finding : diagnosis.findings) {
      EXPECT_TRUE(finding.lost >= 0 && finding.lost <= 1) << finding.summary;
      for (const auto& [name, value] : finding.figures) EXPECT_TRUE(std::isfinite(value)) << name;
    }
    const std::string text = DiagnosisText(diagnosis);
    EXPECT_EQ(text.find_first_of("\x1b\x07\x9b"), std::string::npos) << text;
    EXPECT_TRUE(nlohmann::json::accept(DiagnosisJson(diagnosis)));
  }
}

TEST(Diagnosis, TellsProgramsTheSame) {
  ExampleCluster cluster = ExampleCluster::Of(1, 4);
  cluster.workers[1].compute = 0.2;
  const nlohmann::json json = nlohmann::json::parse(DiagnosisJson(Of(cluster)));
  EXPECT_EQ(json["seconds"], 5);
  EXPECT_EQ(json["workers"], 4);
  ASSERT_EQ(json["findings"].size(), 1u);
  EXPECT_EQ(json["findings"][0]["cause"], "straggler");
  EXPECT_EQ(json["findings"][0]["subject"], "worker/1");
  EXPECT_NEAR(json["findings"][0]["figures"]["compute_seconds_a_step"].get<double>(), 0.2, 0.001);
  EXPECT_NEAR(json["shares"]["compute"].get<double>(), 0.74, 0.05);
}

}  // namespace
}  // namespace downpour
