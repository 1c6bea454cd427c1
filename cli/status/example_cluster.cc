#include "cli/status/example_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace downpour {
namespace {

constexpr uint64_t kBatch = 128;
constexpr uint64_t kShardElements = 256 * 1024;
constexpr uint64_t kShardBytes = 4 * kShardElements;
constexpr double kStepsPlanned = 100'000;

uint64_t Total(double rate, double seconds) { return static_cast<uint64_t>(std::max(rate * seconds, 0.0)); }

void FillLoad(const ExampleCluster& cluster, const ExampleWorker& worker, double seconds, wire::WorkerLoad* load) {
  const auto steps = static_cast<double>(Total(worker.Rate(), seconds));
  load->set_seconds(seconds);
  load->set_steps(Total(worker.Rate(), seconds));
  load->set_examples(load->steps() * kBatch);
  load->set_examples_per_second(worker.Rate() * kBatch);
  load->set_loss(0.5);
  load->mutable_phases()->set_data(worker.data * steps);
  load->mutable_phases()->set_compute(worker.compute * steps);
  load->mutable_phases()->set_push(worker.push * steps);
  load->mutable_phases()->set_pull(worker.pull * steps);
  load->mutable_phases()->set_wait(worker.wait * steps);
  load->mutable_phases()->set_evaluate(worker.evaluate * steps);
  load->set_device(worker.device);
  load->set_device_busy(worker.compute / worker.Step());
  load->set_host(worker.host);
  for (uint32_t server = 0; server < cluster.servers.size(); ++server) {
    wire::LinkLoad* const link = load->add_links();
    const uint64_t pushes = load->steps() * cluster.servers[server].shards;
    const auto value = [server](const auto& values, auto otherwise) {
      const auto found = values.find(server);
      return found == values.end() ? otherwise : found->second;
    };
    link->set_server(server);
    link->set_address(absl::StrCat("10.0.0.", server + 1, ":7070"));
    link->set_carrier("grpc");
    link->set_connected(true);
    link->set_reconnects(seconds > 0 ? static_cast<uint64_t>(value(worker.reconnects, uint64_t{0}) * seconds) : 0);
    link->set_bytes_pushed(pushes * kShardBytes);
    link->set_bytes_pulled(pushes * kShardBytes);
    link->set_round_trip_seconds(value(worker.round_trip, 0.001));
    link->set_pushes_acknowledged(pushes);
    link->set_push_seconds(static_cast<double>(pushes) * value(worker.push_seconds, 0.004));
    link->set_pulls_answered(pushes);
    link->set_pull_seconds(static_cast<double>(pushes) * value(worker.push_seconds, 0.004));
  }
}

void FillTask(const ExampleCluster& cluster, const std::string& task, const std::string& host, double cores_used,
              double seconds, wire::StatusReport* report) {
  report->mutable_task()->set_task(task);
  report->mutable_task()->set_state(wire::TaskStatus::RUNNING);
  report->mutable_task()->set_version("1.0");
  report->mutable_task()->set_uptime_seconds(seconds);
  report->mutable_task()->set_host(host);
  report->mutable_task()->set_pid(1000);
  report->mutable_task()->set_cpu_seconds(cores_used * seconds);
  report->mutable_task()->set_resident_bytes(100 << 20);
  report->mutable_task()->set_cores(static_cast<uint32_t>(cluster.host_cores));
  wire::JobStatus* const job = report->mutable_job();
  job->set_name("example");
  job->set_policy(cluster.policy);
  job->set_optimizer("momentum");
  uint64_t shards = 0;
  for (uint32_t server = 0; server < cluster.servers.size(); ++server) {
    job->add_servers(server);
    shards += cluster.servers[server].shards;
  }
  job->set_parameters(shards * kShardElements);
}

void FillWorker(const ExampleCluster& cluster, uint32_t number, double seconds, bool with_load,
                wire::WorkerStatus* status) {
  const ExampleWorker& worker = cluster.workers[number];
  status->set_worker(number);
  status->set_name(absl::StrCat("worker/", number));
  status->set_state(worker.state);
  status->set_incarnation(number + 1);
  status->set_clock(Total(worker.Rate(), seconds));
  status->set_silent_seconds(worker.silent_seconds);
  status->set_joined_seconds(seconds);
  if (with_load) FillLoad(cluster, worker, seconds, status->mutable_load());
}

}  // namespace

ExampleCluster ExampleCluster::Of(size_t servers, size_t workers) {
  ExampleCluster cluster;
  cluster.servers.resize(servers);
  cluster.workers.resize(workers);
  for (size_t i = 0; i < workers; ++i) cluster.workers[i].host = absl::StrCat("host-", i);
  return cluster;
}

wire::StatusReport ExampleCluster::ServerReport(uint32_t server, double seconds) const {
  const ExampleServer& facts = servers[server];
  wire::StatusReport report;
  FillTask(*this, absl::StrCat("server/", server), facts.host, facts.cores_used, seconds, &report);
  report.mutable_task()->set_incarnation(77 + server);
  report.mutable_task()->set_address(absl::StrCat("10.0.0.", server + 1, ":7070"));
  double steps_per_second = 0;
  for (uint32_t number = 0; number < workers.size(); ++number) {
    wire::WorkerStatus* const worker = report.add_workers();
    FillWorker(*this, number, seconds, server == 0, worker);
    for (const auto& [reason, rate] : workers[number].refusals_per_second) {
      (*worker->mutable_refusals())[reason] = Total(rate, seconds);
    }
    if (workers[number].state == wire::WorkerStatus::LIVE) steps_per_second += workers[number].Rate();
  }
  if (server == 0) {
    wire::RunStatus* const run = report.mutable_run();
    run->set_steps(Total(steps_per_second, seconds));
    run->set_steps_planned(static_cast<uint64_t>(kStepsPlanned));
    run->set_epoch(steps_per_second * seconds * kBatch / 60'000);
    run->set_seconds(seconds);
    run->set_learning_rate(0.1);
    run->set_loss(0.4321);
    run->set_examples_per_second(steps_per_second * kBatch);
    run->set_batch(kBatch);
    run->set_leases_open(static_cast<uint32_t>(workers.size()));
    run->mutable_best_evaluation()->set_step(400);
    run->mutable_best_evaluation()->set_score(0.9012);
    run->set_finished(finished);
    if (finished) run->set_why_finished("all 100,000 steps are done");
  }
  wire::ServerStatus* const status = report.mutable_server();
  status->set_shard_count(static_cast<uint32_t>(facts.shards));
  double pushes = 0, push_seconds = 0;
  for (uint32_t i = 0; i < facts.shards; ++i) {
    wire::ShardStatus* const shard = status->add_shards();
    const auto found = facts.shard_seconds.find(i);
    const double each = found == facts.shard_seconds.end() ? facts.seconds_of_push : found->second;
    const double count = static_cast<double>(Total(steps_per_second, seconds));
    shard->set_shard(server * 1000 + i);
    shard->set_table(absl::StrCat("layer", i, "/weights"));
    shard->set_end(kShardElements);
    shard->set_bytes(2 * kShardBytes);
    shard->set_version(static_cast<uint64_t>(count));
    shard->set_updates_per_second(steps_per_second);
    shard->set_pushes_applied(static_cast<uint64_t>(count));
    shard->set_push_seconds(each * count);
    pushes += count;
    push_seconds += each * count;
  }
  status->set_memory_used(facts.shards * 2 * kShardBytes);
  status->set_memory_max(uint64_t{8} << 30);
  status->set_pushes_applied(static_cast<uint64_t>(pushes));
  status->set_pushes_dropped(Total(facts.dropped_per_second, seconds));
  status->set_duplicates(Total(facts.duplicates_per_second, seconds));
  status->set_pulls_answered(static_cast<uint64_t>(pushes));
  status->set_bytes_received(static_cast<uint64_t>(pushes * kShardBytes * facts.bytes_share));
  status->set_bytes_sent(static_cast<uint64_t>(pushes * kShardBytes * facts.bytes_share));
  status->set_updates_per_second(steps_per_second * static_cast<double>(facts.shards));
  status->set_push_seconds(push_seconds);
  status->set_staleness_mean(facts.staleness);
  wire::StalenessBucket* const bucket = status->add_staleness();
  bucket->set_staleness(static_cast<uint64_t>(facts.staleness));
  bucket->set_pushes(static_cast<uint64_t>(pushes));
  for (const auto& [reason, rate] : facts.refusals_per_second) {
    (*status->mutable_refusals())[reason] = Total(rate, seconds);
  }
  status->set_streams(static_cast<uint32_t>(workers.size()));
  return report;
}

wire::StatusReport ExampleCluster::WorkerReport(uint32_t worker, double seconds) const {
  wire::StatusReport report;
  FillTask(*this, absl::StrCat("worker/", worker), workers[worker].host, workers[worker].cores_used, seconds, &report);
  FillWorker(*this, worker, seconds, /*with_load=*/true, report.add_workers());
  return report;
}

ClusterSample ExampleCluster::At(double seconds) const {
  ClusterSample sample{.seconds = 1000 + seconds};
  const auto add = [&](const std::string& task, const std::string& address, bool answers, wire::StatusReport report) {
    TaskSample one{.task = task, .address = address, .round_trip_seconds = 0.002, .report = std::move(report)};
    if (!answers) {
      one.report.Clear();
      one.status =
          absl::UnavailableError(absl::StrCat("no answer from ", address, ": connection refused; is the server up?"));
    }
    sample.tasks.push_back(std::move(one));
  };
  for (uint32_t i = 0; i < servers.size(); ++i) {
    add(absl::StrCat("server/", i), absl::StrCat("10.0.0.", i + 1, ":7070"), servers[i].answers,
        ServerReport(i, seconds));
  }
  for (uint32_t i = 0; i < workers.size(); ++i) {
    add(absl::StrCat("worker/", i), absl::StrCat("10.0.1.", i + 1, ":7080"), workers[i].answers,
        WorkerReport(i, seconds));
  }
  return sample;
}

}  // namespace downpour
