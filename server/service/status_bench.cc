// What it costs a server to be asked how it is, and to coordinate: one thread, everything from memory. The limits that
// are asked for stand beside the names.
#include <memory>
#include <string>

#include "benchmark/benchmark.h"
#include "common/base/log.h"
#include "server/service/job_host.h"
#include "server/service/session_fixture.h"

namespace downpour {
namespace {

using testing::kAnyTime;

struct Cluster {
  Cluster(uint32_t workers, uint64_t shards) {
    SetMinLogSeverity(LogSeverity::kError);
    testing::JobSetup setup;
    setup.tables = {shards * 1024};
    setup.shard_elements = 1024;
    wire::CreateJobRequest request = testing::MakeCreateJob(setup);
    request.mutable_plan()->set_examples(1 << 30);
    request.mutable_plan()->set_batch(128);
    request.mutable_plan()->set_slice_batches_max(32);
    request.mutable_plan()->set_steps(1 << 30);
    (void)host.CreateJob(request, kAnyTime);
    beat.set_job_fingerprint(request.job_fingerprint());
    for (uint32_t worker = 0; worker < workers; ++worker) {
      wire::JoinRequest join;
      join.mutable_versions()->set_version(1);
      join.mutable_versions()->set_version_min(1);
      join.set_job_fingerprint(request.job_fingerprint());
      join.set_worker(worker);
      join.set_status_address("10.0.0.1:7080");
      (void)host.Join(join, kAnyTime);
    }
    beat.set_incarnation(1);
    wire::WorkerLoad& load = *beat.mutable_load();
    load.set_device("cpu:0");
    load.set_host("a-machine-of-the-cluster");
    load.mutable_phases()->set_compute(1);
    for (int server = 0; server < 4; ++server) load.add_links()->set_address("10.0.0.1:7070");
    for (uint32_t worker = 0; worker < workers; ++worker) Beat(worker);
  }

  void Beat(uint32_t worker) {
    beat.set_worker(worker);
    beat.set_clock(++clock);
    benchmark::DoNotOptimize(host.Heartbeat(beat, kAnyTime));
  }

  JobHost host{JobHost::Options{.server_incarnation = 9}};
  wire::HeartbeatRequest beat;
  uint64_t clock = 0;
};

// Asked: a report of 1,000 shards and 100 workers in less than 5 ms.
void BM_Report(benchmark::State& state) {
  Cluster cluster(100, 1000);
  size_t bytes = 0;
  for (auto _ : state) bytes = cluster.host.Describe({}).SerializeAsString().size();
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_Report)->Unit(benchmark::kMillisecond);

// Asked: 1,000 workers at 10 Hz on one core, which is 10,000 heartbeats a second.
void BM_Heartbeat(benchmark::State& state) {
  Cluster cluster(static_cast<uint32_t>(state.range(0)), 4);
  uint32_t worker = 0;
  for (auto _ : state) {
    cluster.Beat(worker);
    worker = (worker + 1) % static_cast<uint32_t>(state.range(0));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Heartbeat)->Arg(10)->Arg(1000)->Unit(benchmark::kMicrosecond);

void BM_Sweep(benchmark::State& state) {
  Cluster cluster(1000, 4);
  for (auto _ : state) cluster.host.Sweep();
}
BENCHMARK(BM_Sweep)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace downpour

BENCHMARK_MAIN();
