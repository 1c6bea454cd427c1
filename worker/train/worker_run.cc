#include "worker/train/worker_run.h"

#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/mutex.h"
#include "common/cluster/task_name.h"
#include "common/rpc/task_status.h"
#include "worker/train/job_request.h"
#include "worker/train/replica.h"

namespace downpour {
namespace {

RunStart Describe(const WorkerRunOptions& options, const std::vector<std::vector<std::string>>& devices) {
  const LoadedJob& job = *options.job;
  RunStart start;
  start.job = job.config.name();
  start.policy = NameOfRule(job.config.policy());
  start.optimizer = NameOfRule(job.config.optimizer());
  start.data = options.data->description;
  start.model = job.graph->name();
  start.carrier = options.carrier;
  for (const std::vector<std::string>& of_replica : devices) start.devices.push_back(absl::StrJoin(of_replica, "+"));
  start.servers = options.servers;
  for (const Graph::Parameter& parameter : job.graph->parameters()) {
    start.parameters += static_cast<uint64_t>(parameter.spec->elements);
  }
  start.batch = job.config.batch();
  start.examples = options.data->train->size();
  const uint64_t steps = StepsOf(job, start.examples);
  if (steps != 0) start.steps = steps;
  if (job.config.budget().has_minutes()) start.seconds_allowed = job.config.budget().minutes() * 60;
  start.seed = job.config.seed();
  return start;
}

uint32_t NumberOf(const WorkerRunOptions& options, size_t replica) {
  const uint32_t index = static_cast<uint32_t>(replica);
  return options.task.has_value() ? WorkerNumber(*options.task, index) : index;
}

void FillIn(const WorkerRunOptions& options, const RunStart& start, RunMonitor* monitor, wire::StatusReport* report) {
  wire::JobStatus& job = *report->mutable_job();
  job.set_name(start.job);
  job.set_policy(start.policy);
  job.set_optimizer(start.optimizer);
  job.set_parameters(start.parameters);
  monitor->DescribeRun(report->mutable_run());
  std::vector<wire::WorkerLoad> loads = monitor->Loads();
  for (size_t replica = 0; replica < loads.size(); ++replica) {
    wire::WorkerStatus& worker = *report->add_workers();
    worker.set_worker(NumberOf(options, replica));
    worker.set_name(WorkerName(worker.worker()));
    worker.set_state(wire::WorkerStatus::LIVE);
    worker.set_clock(loads[replica].steps());
    *worker.mutable_load() = std::move(loads[replica]);
  }
}

// Replicas that do not wait for each other make as many steps at once as there are of them, each from weights that know
// nothing of the others', and momentum makes every one of them ten times as long.
std::string CrowdWarning(const LoadedJob& job, size_t replicas) {
  constexpr size_t kCrowd = 4;
  const bool alone = job.config.policy().has_async() && !job.config.policy().staleness_aware_rate();
  const bool long_steps = job.config.optimizer().has_momentum() || job.config.optimizer().has_nesterov();
  if (!alone || !long_steps || replicas < kCrowd) return "";
  return absl::StrCat(replicas,
                      " replicas push by momentum without waiting for each other: if the loss does not fall, ",
                      "lower the learning rate, let them wait (policy { sync {} }), or use fewer (--devices)");
}

// What all replicas have come to.
class Outcome {
 public:
  void Take(const absl::StatusOr<std::string>& result) {
    MutexLock lock(&mutex_);
    // CANCELLED and the like come of another's failure; the first error is the cause.
    if (!result.ok() && status_.ok()) status_ = result.status();
    if (result.ok() && !result->empty()) reason_ = *result;
  }
  absl::Status status() {
    MutexLock lock(&mutex_);
    return status_;
  }
  std::string reason() {
    MutexLock lock(&mutex_);
    return reason_;
  }

 private:
  Mutex mutex_;
  absl::Status status_ DP_GUARDED_BY(mutex_);
  std::string reason_ DP_GUARDED_BY(mutex_);
};

}  // namespace

RunEnd RunWorker(const WorkerRunOptions& options) {
  const LoadedJob& job = *options.job;
  std::vector<std::vector<std::string>> devices;
  if (job.config.replica().towers()) {
    devices.push_back(options.devices);
  } else {
    for (const std::string& device : options.devices) devices.push_back({device});
  }
  RunMonitor::Options monitoring;
  monitoring.batches_of_epoch = BatchesOfEpoch(job, options.data->train->size());
  monitoring.log_every_steps = job.config.logging().every_steps();
  if (options.histograms) monitoring.histograms_every_steps = job.config.logging().histograms_every_steps();
  monitoring.has_accuracy = HasAccuracy(*job.graph);
  monitoring.alone = !options.task.has_value();
  RunMonitor monitor(monitoring, options.observers, devices.size());
  const RunStart start = Describe(options, devices);
  if (options.board != nullptr) {
    options.board->Show([&](wire::StatusReport* report) { FillIn(options, start, &monitor, report); });
  }
  const absl::Cleanup clear = [&] {
    if (options.board != nullptr) options.board->Clear();
  };
  monitor.Start(start);
  for (const std::string& note : options.data->notes) monitor.Note(note);
  if (const std::string warning = CrowdWarning(job, devices.size()); !warning.empty()) monitor.Note(warning);

  std::atomic<bool> stop{false};
  Outcome outcome;
  std::atomic<size_t> running{devices.size()};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < devices.size(); ++i) {
    threads.emplace_back([&, i] {
      const uint32_t worker = NumberOf(options, i);
      ReplicaOptions replica;
      replica.job = options.job;
      replica.data = options.data;
      replica.monitor = &monitor;
      replica.stop = &stop;
      replica.index = i;
      replica.worker = worker;
      replica.devices = devices[i];
      replica.join = [&, worker, i] {
        return options.join(worker, [&monitor, i](wire::WorkerLoad* load) { monitor.DescribeLoad(i, load); });
      };
      replica.carrier_is_inline = options.carrier_is_inline;
      const absl::StatusOr<std::string> result = Replica(replica).Run();
      outcome.Take(result);
      if (!result.ok()) stop.store(true);
      running.fetch_sub(1);
    });
  }
  while (running.load() > 0) {
    if (options.stop->load()) stop.store(true);
    absl::SleepFor(absl::Milliseconds(5));
  }
  for (std::thread& thread : threads) thread.join();

  const bool interrupted = options.stop->load() && outcome.status().ok();
  const std::string reason = !outcome.status().ok() ? std::string(outcome.status().message())
                             : interrupted          ? "it was stopped"
                                                    : outcome.reason();
  return monitor.End(outcome.status(), reason, interrupted);
}

}  // namespace downpour
