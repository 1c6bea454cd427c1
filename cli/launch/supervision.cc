#include "cli/launch/supervision.h"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/exit_status.h"

namespace downpour {
namespace {

// What a shell says of a program that it cannot run.
constexpr int kNotRunnable = 126;
constexpr int kNotFound = 127;

// What was killed is waited for this long, until it is killed again.
constexpr absl::Duration kKillAgain = absl::Seconds(3);

bool IsWrongCommand(const TaskEnd& end) {
  if (end.how == TaskEnd::How::kNotStarted) return true;
  return end.how == TaskEnd::How::kExited &&
         (end.value == kExitUsage || end.value == kNotRunnable || end.value == kNotFound);
}

bool Died(const TaskEnd& end) { return end.how == TaskEnd::How::kKilled || end.how == TaskEnd::How::kUnreachable; }

bool Exited(const TaskEnd& end, int status) { return end.how == TaskEnd::How::kExited && end.value == status; }

}  // namespace

std::string Describe(const TaskEnd& end) {
  switch (end.how) {
    case TaskEnd::How::kExited:
      return absl::StrCat("ended with status ", end.value);
    case TaskEnd::How::kKilled:
      return absl::StrCat("was killed by signal ", end.value, " (", ::strsignal(end.value), ")");
    case TaskEnd::How::kNotStarted:
      return "could not be started";
    case TaskEnd::How::kUnreachable:
      break;
  }
  return "cannot be reached any more: the connection to its host is lost";
}

Supervision::Supervision(std::vector<Task> tasks, const SupervisionOptions& options, TaskControl* control)
    : tasks_(std::move(tasks)), options_(options), control_(control), states_(tasks_.size()) {}

void Supervision::Begin() {
  for (size_t task = 0; task < tasks_.size(); ++task) {
    states_[task].running = true;
    control_->Start(task);
  }
}

bool Supervision::AnyRuns(bool servers) const {
  for (size_t task = 0; task < tasks_.size(); ++task) {
    const State& state = states_[task];
    if (tasks_[task].is_server == servers && (state.running || state.start_at.has_value())) return true;
  }
  return false;
}

void Supervision::OnEnd(size_t task, const TaskEnd& end, absl::Duration now) {
  states_[task].running = false;
  if (tasks_[task].is_server) {
    OnServerEnd(task, end, now);
  } else {
    OnWorkerEnd(task, end, now);
  }
  Advance(now);
}

void Supervision::OnServerEnd(size_t task, const TaskEnd& end, absl::Duration now) {
  const std::string& name = tasks_[task].name;
  if (phase_ == Phase::kRunning) {
    const bool started = !IsWrongCommand(end);
    return Fail(task, end, started ? ": the weights that it held are lost with it, so the run cannot go on" : "", now);
  }
  if (killed_) return;
  if (phase_ == Phase::kStopping) {
    if (!Exited(end, kExitDone)) Fail(task, end, " when it was asked to stop after the run", now);
    return;
  }
  // Workers wait for it to come back.
  control_->Say(absl::StrCat(name, " ", Describe(end)));
  if (!kill_at_.has_value()) kill_at_ = now + options_.patience;
}

void Supervision::OnWorkerEnd(size_t task, const TaskEnd& end, absl::Duration now) {
  if (Exited(end, kExitDone)) states_[task].finished = true;
  if (phase_ != Phase::kRunning || Exited(end, kExitDone)) return;
  if (Exited(end, kExitInterrupted)) {
    control_->Say(absl::StrCat(tasks_[task].name, " was asked to leave, and has left"));
    return;
  }
  if (Died(end) && RestartLater(task, end, now)) return;
  std::string consequence;
  if (Died(end) && options_.restart) {
    consequence = absl::StrCat(", after ", options_.restarts_max, " restarts, which is --restarts_max");
  }
  Fail(task, end, consequence, now);
}

bool Supervision::RestartLater(size_t task, const TaskEnd& end, absl::Duration now) {
  State& state = states_[task];
  if (!options_.restart || state.restarts >= options_.restarts_max) return false;
  absl::Duration wait = options_.backoff;
  for (uint32_t i = 0; i < state.restarts && wait < options_.backoff_max; ++i) wait *= 2;
  wait = std::min(wait, options_.backoff_max);
  ++state.restarts;
  state.start_at = now + wait;
  control_->Say(absl::StrCat(tasks_[task].name, " ", Describe(end), "; it is started again in ",
                             absl::FormatDuration(wait), " (restart ", state.restarts, " of ", options_.restarts_max,
                             ")"));
  return true;
}

void Supervision::Fail(size_t task, const TaskEnd& end, const std::string& consequence, absl::Duration now) {
  if (!failure_.empty()) return;
  failure_ = absl::StrCat(tasks_[task].name, " ", Describe(end), consequence);
  failed_task_ = task;
  failure_status_ = IsWrongCommand(end) ? kExitUsage : kExitFailed;
  if (phase_ != Phase::kRunning) return;
  phase_ = Phase::kFailing;
  kill_at_ = now + options_.patience;
  control_->Say(failure_);
  AskWorkersToLeave();
}

void Supervision::AskWorkersToLeave() {
  for (size_t task = 0; task < tasks_.size(); ++task) {
    states_[task].start_at.reset();
    if (!tasks_[task].is_server && states_[task].running) control_->Signal(task, SIGINT);
  }
}

void Supervision::OnInterrupt(absl::Duration now) {
  if (over()) return;
  ++interrupts_;
  if (interrupts_ > 1) {
    control_->Say("stopped at once");
    return KillAll(now);
  }
  control_->Say("workers finish the steps that are under way, then servers stop; Ctrl-C again stops all at once");
  if (phase_ != Phase::kRunning) return;
  phase_ = Phase::kLeaving;
  AskWorkersToLeave();
  Advance(now);
}

void Supervision::KillAll(absl::Duration now) {
  killed_ = true;
  kill_at_ = now + kKillAgain;
  for (size_t task = 0; task < tasks_.size(); ++task) {
    states_[task].start_at.reset();
    if (states_[task].running) control_->Signal(task, SIGKILL);
  }
  Advance(now);
}

void Supervision::OnTime(absl::Duration now) {
  for (size_t task = 0; task < tasks_.size(); ++task) {
    State& state = states_[task];
    if (!state.start_at.has_value() || now < *state.start_at) continue;
    state.start_at.reset();
    state.running = true;
    control_->Start(task);
  }
  if (!kill_at_.has_value() || now < *kill_at_) return;
  for (size_t task = 0; task < tasks_.size() && !killed_; ++task) {
    if (!states_[task].running) continue;
    const std::string what = absl::StrCat(tasks_[task].name, " did not end within ",
                                          absl::FormatDuration(options_.patience), " and is killed");
    control_->Say(what);
    if (!failure_.empty()) continue;
    failure_ = what;
    failed_task_ = task;
    failure_status_ = kExitFailed;
  }
  KillAll(now);
}

void Supervision::Advance(absl::Duration now) {
  if (phase_ != Phase::kStopping && !AnyRuns(/*servers=*/false)) {
    phase_ = Phase::kStopping;
    kill_at_ = now + options_.patience;
    for (size_t task = 0; task < tasks_.size(); ++task) {
      if (tasks_[task].is_server && states_[task].running) control_->Signal(task, killed_ ? SIGKILL : SIGTERM);
    }
  }
  if (phase_ == Phase::kStopping && !AnyRuns(/*servers=*/true)) {
    phase_ = Phase::kOver;
    kill_at_.reset();
  }
}

absl::Duration Supervision::next() const {
  absl::Duration next = kill_at_.value_or(absl::InfiniteDuration());
  for (const State& state : states_) next = std::min(next, state.start_at.value_or(absl::InfiniteDuration()));
  return next;
}

int Supervision::status() const {
  if (interrupts_ > 0 && failure_status_ != kExitUsage) return kExitInterrupted;
  if (failure_status_ != 0) return failure_status_;
  // Otherwise all were asked to leave, one by one.
  const bool finished = std::ranges::any_of(states_, [](const State& state) { return state.finished; });
  return finished ? kExitDone : kExitInterrupted;
}

}  // namespace downpour
