#include "cli/status/steering.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/status/cluster_view.h"
#include "cli/status/worker_sources.h"
#include "common/base/number_text.h"
#include "common/base/status.h"
#include "common/cluster/task_name.h"

namespace downpour {

absl::StatusOr<std::vector<uint32_t>> TasksToDrain(const std::vector<std::string>& words) {
  std::set<uint32_t> tasks;
  for (const std::string& word : words) {
    DP_ASSIGN_OR_RETURN(const TaskName name, TaskName::Parse(word));
    if (name.role == TaskRole::kServer) {
      return absl::InvalidArgumentError(
          absl::StrCat(word, " holds shards, which cannot be moved yet: servers cannot be drained"));
    }
    tasks.insert(name.number);
  }
  if (tasks.empty()) return absl::InvalidArgumentError("whom to drain? Name workers: worker/3");
  return std::vector<uint32_t>(tasks.begin(), tasks.end());
}

Steering::Steering(StatusClient* client, ClusterPoller* poller, std::function<void(const std::string&)> say)
    : client_(client), poller_(poller), say_(std::move(say)) {}

absl::StatusOr<std::string> Steering::FindCoordinator(const ClusterSample& sample) const {
  if (const TaskSample* const coordinator = CoordinatorTaskOf(sample)) return coordinator->address;
  if (!sample.AnyAnswered()) return absl::UnavailableError(absl::StrJoin(UnansweredTexts(sample), "\n"));
  // It says itself that it has no job, or which server coordinates.
  for (const TaskSample& task : sample.tasks) {
    if (task.answered() && absl::StartsWith(task.task, "server/")) return task.address;
  }
  return absl::UnavailableError(absl::StrCat("no server answers\n", absl::StrJoin(UnansweredTexts(sample), "\n")));
}

absl::Status Steering::Drain(const std::vector<uint32_t>& tasks) {
  DP_ASSIGN_OR_RETURN(const std::string coordinator, FindCoordinator(poller_->Poll()));
  std::vector<std::string> missing;
  for (const uint32_t task : tasks) {
    const std::string name = TaskName{TaskRole::kWorker, task}.ToString();
    wire::DrainWorkerRequest request;
    request.set_task(task);
    DP_ASSIGN_OR_RETURN(const wire::DrainWorkerResponse response, client_->DrainWorker(coordinator, request));
    if (response.replicas() == 0) {
      missing.push_back(name);
    } else {
      say_(absl::StrCat(name, " gets no more work; ", response.replicas(),
                        response.replicas() == 1 ? " replica finishes what it holds and leaves"
                                                 : " replicas finish what they hold and leave"));
    }
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat(absl::StrJoin(missing, ", "), missing.size() == 1 ? " does" : " do", " not live: nothing to drain"));
}

absl::Status Steering::Stop(const StopOptions& options) {
  const ClusterSample sample = poller_->Poll();
  DP_ASSIGN_OR_RETURN(const std::string coordinator, FindCoordinator(sample));
  const bool has_job = CoordinatorTaskOf(sample) != nullptr;
  wire::StopJobRequest request;
  request.set_why(options.why);
  request.set_evaluate(options.evaluate);
  const absl::StatusOr<wire::StopJobResponse> response = client_->StopJob(coordinator, request);
  if (response.ok()) {
    say_(response->was_over() ? "the run was over already" : "the run ends: workers finish their step and leave");
  } else if (!options.servers || has_job) {
    return response.status();
  } else {
    say_("there is no run to end");
  }
  if (!options.servers) return absl::OkStatus();
  DP_RETURN_IF_ERROR(WaitForWorkers(options));
  return ShutDownServers(poller_->Poll());
}

absl::Status Steering::WaitForWorkers(const StopOptions& options) {
  const absl::Time end = absl::Now() + options.patience;
  while (true) {
    std::vector<std::string> here;
    const ClusterSample sample = poller_->Poll();  // that the sources point into
    for (const auto& [number, sources] : CollectWorkers(sample)) {
      if (sources.coordinator == nullptr) continue;
      const wire::WorkerStatus::State state = sources.coordinator->state();
      if (state == wire::WorkerStatus::LIVE || state == wire::WorkerStatus::SUSPECT) here.push_back(WorkerName(number));
    }
    if (here.empty()) return absl::OkStatus();
    if (absl::Now() >= end) {
      constexpr size_t kNamesMax = 10;
      const std::string more = here.size() > kNamesMax ? ", ..." : "";
      if (here.size() > kNamesMax) here.resize(kNamesMax);
      return absl::DeadlineExceededError(absl::StrCat("after ", DurationText(absl::ToDoubleSeconds(options.patience)),
                                                      " there are still ", absl::StrJoin(here, ", "), more,
                                                      ": the servers were left running; --timeout waits longer"));
    }
    absl::SleepFor(options.pause);
  }
}

absl::Status Steering::ShutDownServers(const ClusterSample& sample) {
  const TaskSample* const coordinator = CoordinatorTaskOf(sample);
  std::vector<const TaskSample*> servers;
  for (const TaskSample& task : sample.tasks) {
    if (absl::StartsWith(task.task, "server/") && &task != coordinator) servers.push_back(&task);
  }
  // The others may still have something to tell it.
  if (coordinator != nullptr) servers.push_back(coordinator);
  std::vector<std::string> failed;
  for (const TaskSample* const server : servers) {
    if (!server->asked) continue;
    const absl::Status status = server->answered() ? client_->Shutdown(server->address).status() : server->status;
    if (status.ok()) {
      say_(absl::StrCat(server->task, " shuts down"));
    } else {
      failed.push_back(absl::StrCat(server->task, ": ", status.message()));
    }
  }
  return failed.empty() ? absl::OkStatus() : absl::UnavailableError(absl::StrJoin(failed, "\n"));
}

}  // namespace downpour
