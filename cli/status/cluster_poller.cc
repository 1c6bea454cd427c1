#include "cli/status/cluster_poller.h"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/status/safe_text.h"
#include "common/cluster/cluster_file.h"
#include "common/cluster/task_name.h"
#include "common/rpc/security/options.h"

namespace downpour {
namespace {

// Beyond it tasks are not asked: no report of a stranger makes us open connections without an end.
constexpr size_t kTasksAskedMax = 4096;

// One address, and what came of it.
struct Asked {
  std::string named = {};  // what others call the task there
  std::optional<TaskSample> sample = {};
  bool is_named_by_coordinator = false;
};

// The machine of a worker's task, as far as this report tells; empty: unknown.
std::string HostOfTask(const wire::StatusReport& report, const std::string& task) {
  if (report.task().task() == task) return report.task().host();
  const absl::StatusOr<TaskName> name = TaskName::Parse(task);
  if (!name.ok() || name->role != TaskRole::kWorker) return "";
  for (const wire::WorkerStatus& worker : report.workers()) {
    if (TaskOfWorker(worker.worker()) == name->number && !worker.load().host().empty()) return worker.load().host();
  }
  return "";
}

// Servers by number, workers by number, then all else by its text.
std::tuple<int, uint32_t, std::string> PlaceOf(const std::string& task) {
  const absl::StatusOr<TaskName> name = TaskName::Parse(task);
  if (!name.ok()) return {2, 0, task};
  return {name->role == TaskRole::kServer ? 0 : 1, name->number, ""};
}

// Which of two samples of one task says more.
bool Outdoes(const Asked& a, const Asked& b) {
  const auto rank = [](const Asked& asked) {
    return std::tuple(asked.sample->answered(), !asked.sample->asked, asked.is_named_by_coordinator);
  };
  return rank(a) > rank(b);
}

}  // namespace

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

ClusterPoller::ClusterPoller(StatusClient* client, std::vector<std::string> addresses, std::string host,
                             const Clock& clock)
    : client_(client), given_(std::move(addresses)), host_(std::move(host)), clock_(clock) {}

ClusterSample ClusterPoller::Poll(const std::function<bool(const std::string& address)>& with_shards) {
  std::map<std::string, Asked> by_address;
  const auto question_to = [&](const std::string& address) {
    StatusClient::Question question{.address = address};
    question.request.set_without_shards(with_shards == nullptr || !with_shards(address));
    return question;
  };
  std::vector<StatusClient::Question> questions;
  const auto first = [&](const std::string& address) {
    if (by_address.emplace(address, Asked()).second) questions.push_back(question_to(address));
  };
  for (const std::string& address : given_) first(address);
  for (const auto& [address, task] : known_) first(address);

  client_->AskAll(questions, [&](StatusClient::Answer answer) {
    Asked& asked = by_address[answer.address];
    asked.sample = TaskSample{.address = answer.address,
                              .status = answer.status,
                              .round_trip_seconds = answer.round_trip_seconds,
                              .report = std::move(answer.report)};
    std::vector<StatusClient::Question> more;
    if (!answer.status.ok()) return more;
    const wire::StatusReport& report = asked.sample->report;
    for (const wire::TaskAddress& task : report.tasks()) {
      if (!TaskName::Parse(task.task()).ok() || !HostPort::Parse(task.address()).ok()) continue;
      if (by_address.size() >= kTasksAskedMax && by_address.count(task.address()) == 0) continue;
      const auto [there, is_new] = by_address.emplace(task.address(), Asked());
      Asked& named = there->second;
      if (named.named.empty() || (report.has_run() && report.has_server())) {
        named.named = task.task();
        named.is_named_by_coordinator = report.has_run() && report.has_server();
      }
      if (!is_new) continue;
      const std::string host = HostOfTask(report, task.task());
      if (IsLoopback(task.address()) && !host.empty() && !host_.empty() && host != host_) {
        named.sample = TaskSample{.address = task.address(),
                                  .status = absl::UnavailableError(
                                      absl::StrCat("tells its status only to its own machine, ", SafeText(host, 60))),
                                  .asked = false};
        continue;
      }
      more.push_back(question_to(task.address()));
    }
    return more;
  });

  // Several addresses may lead to one task.
  std::map<std::tuple<int, uint32_t, std::string>, const Asked*> by_task;
  std::set<std::string> named_now;
  const bool any_answered = std::any_of(by_address.begin(), by_address.end(), [](const auto& entry) {
    return entry.second.sample.has_value() && entry.second.sample->answered();
  });
  for (auto& [address, asked] : by_address) {
    if (!asked.sample.has_value()) continue;
    TaskSample& sample = *asked.sample;
    const std::string& calls_itself = sample.report.task().task();
    if (sample.answered()) {
      for (const wire::TaskAddress& task : sample.report.tasks()) named_now.insert(task.address());
      if (!asked.named.empty() && !calls_itself.empty() && calls_itself != asked.named) {
        sample.status = absl::FailedPreconditionError(absl::StrCat("what answers at ", address, " calls itself ",
                                                                   SafeText(calls_itself, 40), ", not ", asked.named));
        sample.report.Clear();
      }
    }
    const auto remembered = known_.find(address);
    if (asked.named.empty() && remembered != known_.end()) {
      // Moved away, or gone for good: those who know the job's tasks do not name it any more.
      const bool is_given = std::find(given_.begin(), given_.end(), address) != given_.end();
      if (any_answered && !sample.answered() && !is_given) continue;
      asked.named = remembered->second;
    }
    sample.task = sample.answered() && TaskName::Parse(calls_itself).ok() ? calls_itself
                  : asked.named.empty()                                   ? address
                                                                          : asked.named;
    const Asked*& best = by_task[PlaceOf(sample.task)];
    if (best == nullptr || Outdoes(asked, *best)) best = &asked;
  }
  if (any_answered) {
    std::map<std::string, std::string> known;
    for (const auto& [address, asked] : by_address) {
      if (!asked.sample.has_value() || !asked.sample->asked) continue;
      if (asked.sample->status.ok() || named_now.count(address) > 0) known.emplace(address, asked.sample->task);
    }
    known_ = std::move(known);
    std::vector<std::string> kept = given_;
    for (const auto& [address, task] : known_) kept.push_back(address);
    client_->KeepOnly(kept);
  }
  ClusterSample cluster{.seconds = absl::ToDoubleSeconds(clock_.Now())};
  for (const auto& [place, asked] : by_task) cluster.tasks.push_back(*asked->sample);
  return cluster;
}

}  // namespace downpour
