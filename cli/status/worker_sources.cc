#include "cli/status/worker_sources.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "common/cluster/task_name.h"

namespace downpour {
namespace {

// Of one report. A job has fewer; a stranger's report may have millions.
constexpr int kWorkersMax = 10'000;

}  // namespace

const TaskSample* CoordinatorTaskOf(const ClusterSample& sample) {
  for (const TaskSample& task : sample.tasks) {
    if (task.answered() && absl::StartsWith(task.task, "server/") && task.report.has_run()) return &task;
  }
  return nullptr;
}

const wire::StatusReport* CoordinatorOf(const ClusterSample& sample) {
  const TaskSample* const task = CoordinatorTaskOf(sample);
  return task == nullptr ? nullptr : &task->report;
}

const wire::WorkerLoad* WorkerSources::load() const {
  if (own != nullptr && own->has_load()) return &own->load();
  if (coordinator != nullptr && coordinator->has_load()) return &coordinator->load();
  return nullptr;
}

const wire::WorkerLoad* WorkerSources::LoadAsOf(const WorkerSources& other) const {
  const bool by_itself = other.own != nullptr && other.own->has_load();
  const wire::WorkerStatus* const status = by_itself ? own : coordinator;
  return status != nullptr && status->has_load() ? &status->load() : nullptr;
}

const wire::WorkerStatus* WorkerSources::status() const {
  if (coordinator != nullptr) return coordinator;
  if (own != nullptr) return own;
  return servers.empty() ? nullptr : servers.front();
}

std::map<uint32_t, WorkerSources> CollectWorkers(const ClusterSample& sample) {
  std::map<uint32_t, WorkerSources> workers;
  const wire::StatusReport* const coordinator = CoordinatorOf(sample);
  for (const TaskSample& task : sample.tasks) {
    if (!task.answered()) continue;
    const bool is_server = absl::StartsWith(task.task, "server/");
    for (int i = 0; i < std::min(task.report.workers_size(), kWorkersMax); ++i) {
      const wire::WorkerStatus& worker = task.report.workers(i);
      WorkerSources& sources = workers[worker.worker()];
      if (&task.report == coordinator) sources.coordinator = &worker;
      if (is_server) {
        sources.servers.push_back(&worker);
      } else if (task.task == TaskName{TaskRole::kWorker, TaskOfWorker(worker.worker())}.ToString()) {
        sources.own = &worker;
      }
    }
  }
  std::map<std::string, const TaskSample*> tasks;
  for (const TaskSample& task : sample.tasks) tasks[task.task] = &task;
  for (auto& [number, sources] : workers) {
    const auto found = tasks.find(WorkerName(TaskOfWorker(number)));
    if (found != tasks.end()) sources.task = found->second;
  }
  return workers;
}

}  // namespace downpour
