#include "cli/status/job_facts.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/status/safe_text.h"
#include "cli/status/worker_sources.h"
#include "common/base/string_view.h"
#include "common/cluster/task_name.h"

namespace downpour {
namespace {

constexpr size_t kNameColumnsMax = 60;

double Count(uint64_t value) { return static_cast<double>(value); }
// 0 where a total has shrunk: whoever counts has begun anew.
double Growth(uint64_t before, uint64_t now) { return now >= before ? Count(now - before) : 0; }
double Growth(double before, double now) {
  const double growth = Figure(Figure(now) - Figure(before));
  return std::isnan(growth) ? 0 : growth;
}
double Ratio(double part, double whole) { return whole > 0 ? Figure(part / whole) : kUnknown; }
std::string Name(const std::string& text) { return SafeText(text, kNameColumnsMax); }

template <typename Map>
void AddGrowth(const Map& before, const Map& now, std::map<std::string, double>* growth) {
  for (const auto& [reason, count] : now) {
    const auto found = before.find(reason);
    const double more = Growth(found == before.end() ? uint64_t{0} : found->second, count);
    if (more > 0) (*growth)[Name(reason)] += more;
  }
}

void FillLinks(const wire::WorkerLoad& before, const wire::WorkerLoad& now, WorkerFacts* facts) {
  std::map<uint32_t, const wire::LinkLoad*> earlier;
  for (const wire::LinkLoad& link : before.links()) earlier[link.server()] = &link;
  for (const wire::LinkLoad& link : now.links()) {
    const auto found = earlier.find(link.server());
    if (found == earlier.end()) continue;
    const wire::LinkLoad& base = *found->second;
    LinkFacts& is = facts->links[link.server()];
    const double a = Figure(base.round_trip_seconds()), b = Figure(link.round_trip_seconds());
    is.round_trip = a > 0 && b > 0 ? (a + b) / 2 : b > 0 ? b : kUnknown;
    is.push_seconds = Ratio(Growth(base.push_seconds(), link.push_seconds()),
                            Growth(base.pushes_acknowledged(), link.pushes_acknowledged()));
    is.pull_seconds =
        Ratio(Growth(base.pull_seconds(), link.pull_seconds()), Growth(base.pulls_answered(), link.pulls_answered()));
    is.reconnects = Growth(base.reconnects(), link.reconnects());
  }
}

void FillLoad(const wire::WorkerLoad* before, const wire::WorkerLoad& now, WorkerFacts* facts) {
  facts->host = Name(now.host());
  facts->device = Name(now.device());
  facts->device_kind = facts->device.substr(0, facts->device.find(':'));
  const bool on_cores = facts->device_kind == "cpu";
  facts->lanes = on_cores ? 1 + static_cast<double>(std::count(facts->device.begin(), facts->device.end(), '+')) : 0;
  facts->mean_step = Ratio(Figure(now.seconds()), Count(now.steps()));
  if (before == nullptr) return;
  facts->seconds = Figure(now.seconds() - before->seconds());
  if (!(facts->seconds > 0) || now.steps() < before->steps()) return;
  facts->measured = true;
  facts->steps = Growth(before->steps(), now.steps());
  const PhaseFigures a = PhasesOf(before->phases()), b = PhasesOf(now.phases());
  PhaseFigures spent = {};
  double sum = 0;
  for (size_t i = 0; i < kPhaseCount; ++i) sum += spent[i] = Growth(a[i], b[i]);
  for (size_t i = 0; i < kPhaseCount; ++i) {
    facts->share[i] = sum > 0 ? spent[i] / sum : kUnknown;
    facts->per_step[i] = Ratio(spent[i], facts->steps);
  }
  FillLinks(*before, now, facts);
}

void AddWorkers(const ClusterSample& before, const ClusterSample& now, JobFacts* facts) {
  const std::map<uint32_t, WorkerSources> earlier = CollectWorkers(before);
  for (const auto& [number, sources] : CollectWorkers(now)) {
    WorkerFacts worker{.name = WorkerName(number), .task = WorkerName(TaskOfWorker(number))};
    const wire::WorkerStatus& status = *sources.status();
    worker.state = status.state();
    // Who has just joined and tells of itself is not yet known to be anything.
    if (worker.state == wire::WorkerStatus::STATE_UNSPECIFIED && sources.own != nullptr) {
      worker.state = wire::WorkerStatus::LIVE;
    }
    worker.draining = status.draining();
    worker.silent_seconds = Figure(status.silent_seconds());
    worker.clock = Count(status.clock());
    const auto found = earlier.find(number);
    const WorkerSources* const base = found == earlier.end() ? nullptr : &found->second;
    if (sources.load() != nullptr)
      FillLoad(base == nullptr ? nullptr : base->LoadAsOf(sources), *sources.load(), &worker);
    const TaskSample* const own = sources.task;
    const TaskSample* const own_before = base == nullptr ? nullptr : base->task;
    if (own != nullptr && own->answered() && own_before != nullptr && own_before->answered()) {
      worker.answer_seconds = (Figure(own->round_trip_seconds) + Figure(own_before->round_trip_seconds)) / 2;
    }
    // Servers tell in the same order in both samples, unless one of them was silent in one.
    if (base != nullptr && base->servers.size() == sources.servers.size()) {
      for (size_t i = 0; i < sources.servers.size(); ++i) {
        AddGrowth(base->servers[i]->refusals(), sources.servers[i]->refusals(), &worker.refusals);
      }
    }
    facts->workers.push_back(std::move(worker));
  }
}

double StalenessOf(const wire::ServerStatus& before, const wire::ServerStatus& now) {
  std::map<uint64_t, uint64_t> earlier;
  for (const wire::StalenessBucket& bucket : before.staleness()) earlier[bucket.staleness()] = bucket.pushes();
  double pushes = 0, sum = 0;
  for (const wire::StalenessBucket& bucket : now.staleness()) {
    const double more = Growth(earlier[bucket.staleness()], bucket.pushes());
    pushes += more;
    sum += more * Count(bucket.staleness());
  }
  return pushes > 0 ? Figure(sum / pushes) : Figure(now.staleness_mean());
}

void FillServer(const wire::ServerStatus& before, const wire::ServerStatus& now, ServerFacts* facts) {
  facts->pushes = Growth(before.pushes_applied(), now.pushes_applied());
  facts->dropped = Growth(before.pushes_dropped(), now.pushes_dropped());
  facts->duplicates = Growth(before.duplicates(), now.duplicates());
  facts->bytes_in = Growth(before.bytes_received(), now.bytes_received());
  const double push_seconds = Growth(before.push_seconds(), now.push_seconds());
  facts->push_seconds = Ratio(push_seconds, facts->pushes);
  facts->inside = Ratio(push_seconds, facts->seconds);
  facts->staleness = StalenessOf(before, now);
  AddGrowth(before.refusals(), now.refusals(), &facts->refusals);
  std::map<uint32_t, const wire::ShardStatus*> earlier;
  for (const wire::ShardStatus& shard : before.shards()) earlier[shard.shard()] = &shard;
  for (const wire::ShardStatus& shard : now.shards()) {
    const auto found = earlier.find(shard.shard());
    if (found == earlier.end()) continue;
    ShardFacts is{.shard = shard.shard(), .table = Name(shard.table())};
    if (shard.end() >= shard.begin()) is.elements = Count(shard.end() - shard.begin());
    is.pushes = Growth(found->second->pushes_applied(), shard.pushes_applied());
    const double spent = Growth(found->second->push_seconds(), shard.push_seconds());
    is.push_seconds = Ratio(spent, is.pushes);
    is.inside = Ratio(spent, facts->seconds);
    facts->shards.push_back(std::move(is));
  }
}

// Of the same process in both samples; null otherwise.
const TaskSample* Earlier(const ClusterSample& before, const TaskSample& now) {
  const TaskSample* const earlier = before.Find(now.task);
  if (earlier == nullptr || !earlier->answered() || !now.answered()) return nullptr;
  const wire::TaskStatus& a = earlier->report.task();
  const wire::TaskStatus& b = now.report.task();
  const bool same = a.incarnation() == b.incarnation() && a.pid() == b.pid();
  return same && Figure(b.uptime_seconds() - a.uptime_seconds()) > 0 ? earlier : nullptr;
}

void AddServer(const ClusterSample& before, const TaskSample& now, JobFacts* facts) {
  ServerFacts server{.task = Name(now.task), .address = Name(now.address)};
  const absl::StatusOr<TaskName> name = TaskName::Parse(now.task);
  if (name.ok()) server.number = name->number;
  if (!now.answered()) {
    if (now.asked) server.why_not = SafeText(ToStd(now.status.message()));
    facts->servers.push_back(std::move(server));
    return;
  }
  const wire::TaskStatus& task = now.report.task();
  server.host = Name(task.host());
  server.waiting_for = SafeText(task.waiting_for(), 100);
  server.cores = task.cores() > 0 ? task.cores() : kUnknown;
  server.pushes_held = Count(now.report.server().pushes_held());
  server.pulls_waiting = Count(now.report.server().pulls_waiting());
  if (const TaskSample* const earlier = Earlier(before, now)) {
    const wire::TaskStatus& base = earlier->report.task();
    server.measured = true;
    server.seconds = Figure(task.uptime_seconds() - base.uptime_seconds());
    server.cores_used = Ratio(Growth(base.cpu_seconds(), task.cpu_seconds()), server.seconds);
    FillServer(earlier->report.server(), now.report.server(), &server);
  }
  facts->servers.push_back(std::move(server));
}

void AddHosts(const ClusterSample& before, const ClusterSample& now, JobFacts* facts) {
  for (const TaskSample& task : now.tasks) {
    const TaskSample* const earlier = Earlier(before, task);
    if (earlier == nullptr || task.report.task().host().empty()) continue;
    const wire::TaskStatus& is = task.report.task();
    const wire::TaskStatus& was = earlier->report.task();
    const double seconds = Figure(is.uptime_seconds() - was.uptime_seconds());
    HostFacts own{.cores = is.cores() > 0 ? is.cores() : kUnknown, .tasks = {Name(task.task)}};
    own.got = Ratio(Growth(was.cpu_seconds(), is.cpu_seconds()), seconds);
    if (std::isnan(own.got)) continue;
    own.wanted = own.got;
    double lanes = 0;
    bool measured = true;
    for (const WorkerFacts& worker : facts->workers) {
      if (worker.task != task.task || !worker.live()) continue;
      const double busy = worker.of(Phase::kCompute) + worker.of(Phase::kEvaluate);
      if (worker.lanes > 0) own.has_lanes = true;
      if (worker.lanes > 0 && std::isnan(busy)) measured = false;
      if (worker.lanes > 0) lanes += worker.lanes * busy;
    }
    if (own.has_lanes && measured) own.wanted = std::max(own.got, lanes);
    facts->by_task[own.tasks[0]] = own;
    HostFacts& host = facts->hosts[Name(is.host())];
    host.wanted += own.wanted;
    host.got += own.got;
    host.has_lanes = host.has_lanes || own.has_lanes;
    host.cores = std::isnan(host.cores) ? own.cores : std::fmax(host.cores, own.cores);
    host.tasks.push_back(own.tasks[0]);
  }
}

}  // namespace

Peers JobFacts::ShareOf(double (WorkerFacts::*figure)() const) const {
  Peers peers;
  for (const WorkerFacts& worker : workers) {
    if (worker.live() && worker.measured) peers.Add((worker.*figure)());
  }
  return peers;
}

size_t JobFacts::live_count() const {
  return static_cast<size_t>(
      std::count_if(workers.begin(), workers.end(), [](const WorkerFacts& worker) { return worker.live(); }));
}

JobFacts CollectJobFacts(const ClusterSample& before, const ClusterSample& now) {
  JobFacts facts{.seconds = Figure(now.seconds - before.seconds)};
  if (const wire::StatusReport* const coordinator = CoordinatorOf(now)) {
    facts.run_known = true;
    facts.finished = coordinator->run().finished();
    facts.policy = Name(coordinator->job().policy());
  }
  AddWorkers(before, now, &facts);
  std::set<std::string> gone;
  for (const WorkerFacts& worker : facts.workers) {
    if (!worker.live()) gone.insert(worker.task);
  }
  for (const TaskSample& task : now.tasks) {
    if (absl::StartsWith(task.task, "server/")) {
      AddServer(before, task, &facts);
    } else if (task.asked && !task.answered() && gone.count(task.task) == 0) {
      facts.silent_tasks.push_back(absl::StrCat(Name(task.task), ": ", SafeText(ToStd(task.status.message()))));
    }
  }
  AddHosts(before, now, &facts);
  return facts;
}

}  // namespace downpour
