#include "cli/status/cluster_view.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/status/safe_text.h"
#include "cli/status/worker_sources.h"
#include "common/base/string_view.h"
#include "common/cluster/task_name.h"

namespace downpour {
namespace {

constexpr size_t kNameColumnsMax = 60;
// Of the time between two samples that phases must tell of, so that their shares are of that time: they are told step
// by step, and steps may take longer than the samples are apart.
constexpr double kPhasesTellMin = 0.3;

double Count(uint64_t value) { return Figure(static_cast<double>(value)); }
double SignedFigure(double value) { return std::isfinite(value) && std::abs(value) <= kFigureMax ? value : kUnknown; }
// 0 stands for what is not told.
double Told(double value) { return value > 0 ? Figure(value) : kUnknown; }
double Ratio(double part, double whole) { return whole > 0 ? Figure(part / whole) : kUnknown; }
std::string Name(const std::string& text) { return SafeText(text, kNameColumnsMax); }
std::string WhyNot(const TaskSample& task) { return SafeText(ToStd(task.status.message())); }

std::vector<std::pair<std::string, double>> Reasons(const std::map<std::string, double>& refusals) {
  std::vector<std::pair<std::string, double>> sorted(refusals.begin(), refusals.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

RunView MakeRunView(const ClusterSample* before, const ClusterSample& now) {
  RunView view;
  const wire::StatusReport* const coordinator = CoordinatorOf(now);
  const wire::StatusReport* report = coordinator;
  for (const TaskSample& task : now.tasks) {
    if (report == nullptr && task.answered() && task.report.has_run()) report = &task.report;
  }
  const wire::JobStatus* job = report != nullptr && report->has_job() ? &report->job() : nullptr;
  for (const TaskSample& task : now.tasks) {
    if (job == nullptr && task.answered() && task.report.has_job()) job = &task.report.job();
  }
  if (job != nullptr) {
    view.job = Name(job->name());
    view.policy = Name(job->policy());
    view.optimizer = Name(job->optimizer());
    view.parameters = Count(job->parameters());
    view.servers = job->servers_size();
  }
  if (report == nullptr) return view;
  const wire::RunStatus& run = report->run();
  view.known = true;
  view.steps = Count(run.steps());
  view.steps_planned = Told(static_cast<double>(run.steps_planned()));
  view.epoch = Figure(run.epoch());
  view.seconds = Figure(run.seconds());
  view.seconds_planned = Told(run.seconds_planned());
  view.examples_per_second = Figure(run.examples_per_second());
  view.learning_rate = Figure(run.learning_rate());
  if (run.has_loss()) view.loss = SignedFigure(run.loss());
  view.batch = Told(static_cast<double>(run.batch()));
  view.leases_open = run.leases_open();
  if (run.has_last_evaluation()) {
    view.last_step = Count(run.last_evaluation().step());
    view.last_score = SignedFigure(run.last_evaluation().score());
  }
  if (run.has_best_evaluation()) {
    view.best_step = Count(run.best_evaluation().step());
    view.best_score = SignedFigure(run.best_evaluation().score());
  }
  view.finished = run.finished();
  view.why_finished = SafeText(run.why_finished(), 100);

  view.steps_per_second = Ratio(view.steps, view.seconds);
  const wire::StatusReport* const earlier = before != nullptr ? CoordinatorOf(*before) : nullptr;
  if (earlier != nullptr && coordinator != nullptr && earlier->task().incarnation() == report->task().incarnation()) {
    const double recent = RateOf(Count(earlier->run().steps()), view.steps, run.seconds() - earlier->run().seconds());
    // A moment without a step says nothing of when the run ends.
    if (recent > 0) view.steps_per_second = recent;
  }
  if (view.finished) {
    view.seconds_left = 0;
    return view;
  }
  if (view.steps_planned >= view.steps) {
    view.seconds_left = Ratio(view.steps_planned - view.steps, view.steps_per_second);
  }
  if (view.seconds_planned > 0 && view.seconds >= 0) {
    const double left = std::max(view.seconds_planned - view.seconds, 0.0);
    view.seconds_left = std::isnan(view.seconds_left) ? left : std::min(view.seconds_left, left);
  }
  return view;
}

const char* StateText(wire::TaskStatus::State state) {
  switch (state) {
    case wire::TaskStatus::WAITING:
      return "waiting";
    case wire::TaskStatus::RUNNING:
      return "running";
    case wire::TaskStatus::DRAINING:
      return "draining";
    case wire::TaskStatus::FINISHED:
      return "finished";
    default:
      return "unknown";
  }
}

ShardView MakeShardView(const wire::ShardStatus* before, const wire::ShardStatus& now, double seconds) {
  ShardView view;
  view.shard = now.shard();
  view.table = Name(now.table());
  if (now.end() >= now.begin()) view.elements = Count(now.end() - now.begin());
  view.bytes = Count(now.bytes());
  view.version = Count(now.version());
  view.updates_per_second = Figure(now.updates_per_second());
  view.pushes_held = now.pushes_held();
  view.pulls_waiting = now.pulls_waiting();
  double pushes = Count(now.pushes_applied()), push_seconds = Figure(now.push_seconds());
  if (before != nullptr && now.pushes_applied() >= before->pushes_applied()) {
    pushes -= Count(before->pushes_applied());
    push_seconds = Figure(push_seconds - Figure(before->push_seconds()));
  }
  view.push_seconds = Ratio(push_seconds, pushes);
  view.pushes_inside = Ratio(push_seconds, seconds);
  return view;
}

// Totals of the same process, earlier; null where there are none to subtract.
const wire::StatusReport* EarlierReport(const ClusterSample* before, const TaskSample& now) {
  const TaskSample* const earlier = before != nullptr ? before->Find(now.task) : nullptr;
  if (earlier == nullptr || !earlier->answered() || !now.answered()) return nullptr;
  const wire::TaskStatus& a = earlier->report.task();
  const wire::TaskStatus& b = now.report.task();
  if (a.incarnation() != b.incarnation() || a.pid() != b.pid() || !(b.uptime_seconds() > a.uptime_seconds())) {
    return nullptr;
  }
  return &earlier->report;
}

void FillServer(const wire::ServerStatus& before, const wire::ServerStatus& now, double seconds, ServerView* view) {
  view->shards = now.shard_count();
  view->memory_used = Count(now.memory_used());
  view->memory_max = Told(static_cast<double>(now.memory_max()));
  view->bytes_pending = Count(now.bytes_pending());
  view->updates_per_second = Figure(now.updates_per_second());
  const auto rate = [&](uint64_t a, uint64_t b) { return RateOf(Count(a), Count(b), seconds); };
  view->pushes_per_second = rate(before.pushes_applied(), now.pushes_applied());
  view->pulls_per_second = rate(before.pulls_answered(), now.pulls_answered());
  view->in_per_second = rate(before.bytes_received(), now.bytes_received());
  view->out_per_second = rate(before.bytes_sent(), now.bytes_sent());
  view->pushes_held = Count(now.pushes_held());
  view->pulls_waiting = Count(now.pulls_waiting());
  view->pushes_applied = Count(now.pushes_applied());
  view->pushes_dropped = Count(now.pushes_dropped());
  view->duplicates = Count(now.duplicates());
  view->staleness_mean = Figure(now.staleness_mean());
  view->pushes_inside = RateOf(Figure(before.push_seconds()), Figure(now.push_seconds()), seconds);
  view->push_seconds = Ratio(view->pushes_inside, view->pushes_per_second);
  view->streams = now.streams();
  std::map<std::string, double> refusals;
  for (const auto& [reason, count] : now.refusals()) refusals[Name(reason)] += static_cast<double>(count);
  view->refusals_by_reason = Reasons(refusals);
  for (const auto& [reason, count] : view->refusals_by_reason) view->refusals += count;
  for (const wire::StalenessBucket& bucket : now.staleness()) {
    view->staleness.emplace_back(Count(bucket.staleness()), Count(bucket.pushes()));
  }
  std::map<uint32_t, const wire::ShardStatus*> earlier;
  for (const wire::ShardStatus& shard : before.shards()) earlier[shard.shard()] = &shard;
  for (const wire::ShardStatus& shard : now.shards()) {
    const auto found = earlier.find(shard.shard());
    view->shard_views.push_back(MakeShardView(found == earlier.end() ? nullptr : found->second, shard, seconds));
  }
}

ServerView MakeServerView(const ClusterSample* before, const TaskSample& now) {
  ServerView view{.task = Name(now.task), .address = Name(now.address)};
  view.answered = now.answered();
  if (!now.answered()) {
    view.state = now.asked ? "no answer" : "unknown";
    view.problem = WhyNot(now);
    return view;
  }
  const wire::TaskStatus& task = now.report.task();
  view.state = StateText(task.state());
  view.problem = task.waiting_for().empty() ? "" : "waits for " + SafeText(task.waiting_for(), 100);
  view.host = Name(task.host());
  view.version = Name(task.version());
  view.pid = task.pid();
  view.uptime_seconds = Figure(task.uptime_seconds());
  view.cores = Told(task.cores());
  view.resident_bytes = Told(static_cast<double>(task.resident_bytes()));
  const wire::StatusReport* const earlier = EarlierReport(before, now);
  const wire::StatusReport& base = earlier != nullptr ? *earlier : wire::StatusReport::default_instance();
  const double seconds = Figure(task.uptime_seconds() - base.task().uptime_seconds());
  view.cores_used = RateOf(Figure(base.task().cpu_seconds()), Figure(task.cpu_seconds()), seconds);
  if (now.report.has_server()) FillServer(base.server(), now.report.server(), seconds, &view);
  return view;
}

const char* StateText(const wire::WorkerStatus& status) {
  switch (status.state()) {
    case wire::WorkerStatus::SUSPECT:
      return "suspect";
    case wire::WorkerStatus::DEAD:
      return "dead";
    case wire::WorkerStatus::LEFT:
      return "left";
    case wire::WorkerStatus::LIVE:
      return status.draining() ? "draining" : "live";
    default:
      return "unknown";
  }
}

LinkView MakeLinkView(const wire::LinkLoad* before, const wire::LinkLoad& now, double seconds) {
  const wire::LinkLoad& base = before != nullptr ? *before : wire::LinkLoad::default_instance();
  LinkView view{.server = now.server(), .carrier = Name(now.carrier()), .connected = now.connected()};
  view.reconnects = Count(now.reconnects());
  view.round_trip_seconds = Told(now.round_trip_seconds());
  const auto each = [](double seconds_before, double seconds_now, uint64_t count_before, uint64_t count_now) {
    return Ratio(Figure(Figure(seconds_now) - Figure(seconds_before)), Figure(Count(count_now) - Count(count_before)));
  };
  view.push_seconds =
      each(base.push_seconds(), now.push_seconds(), base.pushes_acknowledged(), now.pushes_acknowledged());
  view.pull_seconds = each(base.pull_seconds(), now.pull_seconds(), base.pulls_answered(), now.pulls_answered());
  view.out_per_second = RateOf(Count(base.bytes_pushed()), Count(now.bytes_pushed()), seconds);
  view.in_per_second = RateOf(Count(base.bytes_pulled()), Count(now.bytes_pulled()), seconds);
  view.bytes_in_flight = Count(now.bytes_in_flight());
  return view;
}

void FillLoad(const wire::WorkerLoad* before, const wire::WorkerLoad& now, WorkerView* view) {
  if (before != nullptr && !(now.seconds() > before->seconds())) before = nullptr;
  const wire::WorkerLoad& base = before != nullptr ? *before : wire::WorkerLoad::default_instance();
  const double seconds = Figure(now.seconds() - base.seconds());
  view->steps_per_second = RateOf(Count(base.steps()), Count(now.steps()), seconds);
  view->examples_per_second = Figure(now.examples_per_second());
  if (now.has_loss()) view->loss = SignedFigure(now.loss());
  view->host = Name(now.host());
  view->device = Name(now.device());
  view->device_busy = Figure(now.device_busy());
  view->device_memory_used = Told(static_cast<double>(now.device_memory_used()));
  view->device_memory_total = Told(static_cast<double>(now.device_memory_total()));

  const PhaseFigures total = PhasesOf(now.phases()), earlier = PhasesOf(base.phases());
  PhaseFigures recent = {};
  double recent_sum = 0, total_sum = 0;
  for (size_t i = 0; i < kPhaseCount; ++i) {
    recent[i] = std::max(total[i] - earlier[i], 0.0);
    recent_sum += recent[i];
    total_sum += total[i];
  }
  const bool recent_tells = recent_sum >= kPhasesTellMin * seconds && recent_sum > 0;
  for (size_t i = 0; i < kPhaseCount; ++i) {
    view->shares[i] = recent_tells ? Ratio(recent[i], recent_sum) : Ratio(total[i], total_sum);
  }
  std::map<uint32_t, const wire::LinkLoad*> links_before;
  for (const wire::LinkLoad& link : base.links()) links_before[link.server()] = &link;
  for (const wire::LinkLoad& link : now.links()) {
    const auto found = links_before.find(link.server());
    view->links.push_back(MakeLinkView(found == links_before.end() ? nullptr : found->second, link, seconds));
  }
}

WorkerView MakeWorkerView(const WorkerSources* before, uint32_t number, const WorkerSources& now) {
  const wire::WorkerStatus& status = *now.status();
  WorkerView view{.name = WorkerName(number), .task = WorkerName(TaskOfWorker(number))};
  view.state = StateText(status);
  view.dead = status.state() == wire::WorkerStatus::DEAD;
  view.clock = Count(status.clock());
  if (now.coordinator != nullptr) {
    view.silent_seconds = Figure(now.coordinator->silent_seconds());
    view.deaths = now.coordinator->deaths();
  }
  view.joined_seconds = Told(status.joined_seconds());
  std::map<std::string, double> refusals;
  for (const wire::WorkerStatus* const server : now.servers) {
    for (const auto& [reason, count] : server->refusals()) refusals[Name(reason)] += static_cast<double>(count);
  }
  view.refusals_by_reason = Reasons(refusals);
  for (const auto& [reason, count] : view.refusals_by_reason) view.refusals += count;
  const wire::WorkerLoad* const load = now.load();
  if (load != nullptr) FillLoad(before != nullptr ? before->LoadAsOf(now) : nullptr, *load, &view);
  return view;
}

// Replicas that have left need not answer, and those given up are told of as such.
bool MayBeGone(const WorkerView& worker) { return worker.state == "left"; }

void AddWorkers(const ClusterSample* before, const ClusterSample& now, ClusterView* view) {
  const std::map<uint32_t, WorkerSources> workers = CollectWorkers(now);
  const std::map<uint32_t, WorkerSources> earlier =
      before != nullptr ? CollectWorkers(*before) : std::map<uint32_t, WorkerSources>();
  std::set<std::string> with_replicas;
  for (const auto& [number, sources] : workers) {
    const auto found = earlier.find(number);
    WorkerView worker = MakeWorkerView(found == earlier.end() ? nullptr : &found->second, number, sources);
    with_replicas.insert(worker.task);
    if (sources.task != nullptr && !sources.task->answered() && !MayBeGone(worker)) {
      if (sources.task->asked || worker.state == "unknown") worker.problem = WhyNot(*sources.task);
      if (sources.task->asked) view->well = false;
      if (sources.task->asked && sources.coordinator == nullptr) worker.state = "no answer";
    }
    if (worker.dead) view->well = false;
    view->workers.push_back(std::move(worker));
  }
  for (const TaskSample& task : now.tasks) {
    if (!absl::StartsWith(task.task, "worker/") || with_replicas.count(task.task) > 0) continue;
    WorkerView worker{.name = Name(task.task), .task = Name(task.task)};
    if (task.answered()) {
      worker.state = StateText(task.report.task().state());
      worker.host = Name(task.report.task().host());
      const std::string& waiting_for = task.report.task().waiting_for();
      if (!waiting_for.empty()) worker.problem = "waits for " + SafeText(waiting_for, 100);
    } else {
      worker.state = task.asked ? "no answer" : "unknown";
      worker.problem = WhyNot(task);
      if (task.asked) view->well = false;
    }
    view->workers.push_back(std::move(worker));
  }
  // By task, and the replicas of a task beside one another.
  std::stable_sort(view->workers.begin(), view->workers.end(), [](const WorkerView& a, const WorkerView& b) {
    const auto number = [](const WorkerView& worker) {
      const absl::StatusOr<TaskName> name = TaskName::Parse(worker.task);
      return name.ok() ? name->number : kTasksMax;
    };
    return number(a) < number(b);
  });
}

}  // namespace

double Figure(double value) { return std::isfinite(value) && value >= 0 && value <= kFigureMax ? value : kUnknown; }

double RateOf(double before, double now, double seconds) {
  return seconds > 0 ? Figure((now - before) / seconds) : kUnknown;
}

PhaseFigures PhasesOf(const wire::PhaseSeconds& phases) {
  PhaseFigures figures = {phases.data(), phases.compute(), phases.push(),
                          phases.pull(), phases.wait(),    phases.evaluate()};
  for (double& figure : figures) figure = std::isnan(Figure(figure)) ? 0 : figure;
  return figures;
}

std::vector<std::string> UnansweredTexts(const ClusterSample& sample) {
  std::vector<std::string> texts;
  for (const TaskSample& task : sample.tasks) {
    if (task.answered()) continue;
    const bool has_name = task.task != task.address;
    texts.push_back(has_name ? absl::StrCat(Name(task.task), ": ", WhyNot(task)) : WhyNot(task));
  }
  return texts;
}

ClusterView MakeClusterView(const ClusterSample* before, const ClusterSample& now) {
  ClusterView view;
  if (before != nullptr) view.interval_seconds = Told(now.seconds - before->seconds);
  view.run = MakeRunView(before, now);
  for (const TaskSample& task : now.tasks) {
    if (absl::StartsWith(task.task, "server/")) {
      view.servers.push_back(MakeServerView(before, task));
      if (task.asked && !task.answered()) view.well = false;
    } else if (!absl::StartsWith(task.task, "worker/")) {
      view.problems.push_back(task.answered() ? absl::StrCat(SafeText(task.address), " does not say which task it is")
                                              : WhyNot(task));
      view.well = false;
    }
  }
  AddWorkers(before, now, &view);
  return view;
}

}  // namespace downpour
