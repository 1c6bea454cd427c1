#include "cli/launch/launch_run.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/launch/job_text.h"
#include "cli/launch/merged_log.h"
#include "cli/launch/remote_script.h"
#include "cli/launch/task_process.h"
#include "cli/launch/this_machine.h"
#include "common/base/clock.h"
#include "common/base/exit_status.h"
#include "common/base/status.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

int Fail(const absl::Status& status, int exit) {
  std::fprintf(stderr, "downpour: %s\n", std::string(status.message()).c_str());
  return exit;
}

// False: there is nobody to read it. A full disk loses lines, and the run goes on.
bool WriteToStdout(std::string_view text) {
  while (!text.empty()) {
    const ssize_t bytes = ::write(STDOUT_FILENO, text.data(), text.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return errno != EPIPE;
    text.remove_prefix(static_cast<size_t>(bytes));
  }
  return true;
}

bool StdoutHasColours() {
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

// SIGHUP is left alone where it is ignored, as nohup has it.
int OpenSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&signals, signal);
  struct sigaction hangup = {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

std::vector<std::string> NamesOf(const LaunchPlan& plan) {
  std::vector<std::string> names;
  for (const LaunchTask& task : plan.tasks) names.push_back(task.name);
  names.push_back("launch");
  return names;
}

std::vector<Supervision::Task> TasksOf(const LaunchPlan& plan) {
  std::vector<Supervision::Task> tasks;
  for (const LaunchTask& task : plan.tasks) tasks.push_back({task.name, task.is_server});
  return tasks;
}

// The processes of a plan, one for each task that runs now.
class Launch : public TaskControl {
 public:
  Launch(const LaunchPlan& plan, const SupervisionOptions& options,
         std::function<TaskProcess::Command(const LaunchTask&)> command_of)
      : plan_(plan),
        command_of_(std::move(command_of)),
        log_(NamesOf(plan), StdoutHasColours(), [this](std::string_view text) { unread_ = !WriteToStdout(text); }),
        running_(plan.tasks.size()),
        supervision_(TasksOf(plan), options, this) {}

  int Run(int signals) {
    bool left = false;
    Describe();
    supervision_.Begin();
    while (!supervision_.over()) {
      Wait(signals);
      ReadSignals(signals);
      for (size_t task = 0; task < running_.size(); ++task) Attend(task);
      for (const auto& [task, end] : std::exchange(not_started_, {})) supervision_.OnEnd(task, end, Now());
      supervision_.OnTime(Now());
      // As if the terminal was closed.
      if (unread_ && !std::exchange(left, true)) supervision_.OnInterrupt(Now());
    }
    if (supervision_.status() == kExitDone) Say("the run is over");
    if (!supervision_.failure().empty()) TellFailure();
    return supervision_.status();
  }

  void Start(size_t task) override {
    absl::StatusOr<std::unique_ptr<TaskProcess>> process = TaskProcess::Start(command_of_(plan_.tasks[task]));
    if (!process.ok()) {
      log_.Append(task, absl::StrCat(ToAbsl(ToStd(process.status().message())), "\n"));
      not_started_.push_back({task, {TaskEnd::How::kNotStarted, 0}});
      return;
    }
    running_[task] = {.process = *std::move(process), .before_start = {}, .started = plan_.tasks[task].host.empty()};
  }

  void Signal(size_t task, int signal) override {
    if (running_[task].process != nullptr) running_[task].process->Signal(signal);
  }

  void Say(std::string_view text) override { log_.Append(plan_.tasks.size(), absl::StrCat(ToAbsl(text), "\n")); }

 private:
  struct Running {
    std::unique_ptr<TaskProcess> process = nullptr;
    std::string before_start = {};  // output, up to the line that says that the program starts
    bool started = false;
  };

  static absl::Duration Now() { return SteadyClock::Get().Now(); }

  void Describe() {
    for (const LaunchTask& task : plan_.tasks) {
      Say(absl::StrCat(task.name, task.host.empty() ? " on this machine" : absl::StrCat(" on ", task.host), ", ",
                       task.address));
    }
    for (const std::string& note : plan_.notes) Say(note);
    Say(absl::StrCat("look at it by: downpour status ", plan_.tasks[0].address));
  }

  void Wait(int signals) const {
    std::vector<pollfd> waits = {{.fd = signals, .events = POLLIN, .revents = 0}};
    for (const Running& running : running_) {
      if (running.process == nullptr) continue;
      waits.push_back({.fd = running.process->output(), .events = POLLIN, .revents = 0});
      waits.push_back({.fd = running.process->input(), .events = POLLOUT, .revents = 0});
    }
    const absl::Duration time = std::clamp(supervision_.next() - Now(), absl::ZeroDuration(), absl::Seconds(60));
    const int64_t milliseconds = not_started_.empty() ? absl::ToInt64Milliseconds(time) + 1 : 0;
    ::poll(waits.data(), waits.size(), static_cast<int>(milliseconds));
  }

  void ReadSignals(int signals) {
    signalfd_siginfo info;
    while (::read(signals, &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo != SIGCHLD) supervision_.OnInterrupt(Now());
    }
  }

  // Its output, its input, its end.
  void Attend(size_t task) {
    Running& running = running_[task];
    if (running.process == nullptr) return;
    running.process->SendPending();
    const std::optional<TaskEnd> end = running.process->Ended();
    std::string text = running.process->Read();
    Take(task, text);
    if (!end.has_value()) return;
    while (!text.empty()) Take(task, text = running.process->Read());
    if (!running.before_start.empty()) log_.Append(task, running.before_start);
    log_.End(task);
    running = {};
    supervision_.OnEnd(task, *end, Now());
  }

  void Take(size_t task, const std::string& text) {
    Running& running = running_[task];
    if (running.started) return log_.Append(task, text);
    std::string& waiting = running.before_start;
    waiting += text;
    for (size_t end = waiting.find('\n'); end != std::string::npos && !running.started; end = waiting.find('\n')) {
      running.started = std::string_view(waiting).substr(0, end) == kRemoteStarted;
      if (running.started) {
        running.process->NoteStarted();
      } else {
        log_.Append(task, std::string_view(waiting).substr(0, end + 1));
      }
      waiting.erase(0, end + 1);
    }
    if (running.started) log_.Append(task, std::exchange(waiting, ""));
  }

  void TellFailure() const {
    std::fprintf(stderr, "downpour: %s\n", supervision_.failure().c_str());
    if (!supervision_.failed_task().has_value()) return;
    const std::vector<std::string> lines = log_.LastLines(*supervision_.failed_task());
    if (!lines.empty()) std::fputs("  its last lines:\n", stderr);
    for (const std::string& line : lines) std::fprintf(stderr, "  | %s\n", line.c_str());
  }

  const LaunchPlan& plan_;
  const std::function<TaskProcess::Command(const LaunchTask&)> command_of_;
  bool unread_ = false;  // the log
  MergedLog log_;
  std::vector<Running> running_;
  std::vector<std::pair<size_t, TaskEnd>> not_started_;
  Supervision supervision_;
};

TaskProcess::Command LocalCommand(const LaunchTask& task, const ProgramFiles& programs, const std::string& cluster,
                                  const std::string& job) {
  TaskProcess::Command command;
  command.words = {task.is_server ? programs.server : programs.worker, "--cluster=" + cluster, "--task=" + task.name};
  if (!task.is_server) command.words.push_back("--job=" + job);
  command.words.insert(command.words.end(), task.arguments.begin(), task.arguments.end());
  return command;
}

TaskProcess::Command SshCommand(const LaunchTask& task, const ProgramFiles& programs, const LaunchRunOptions& options,
                                const std::string& cluster_text, const std::string& job_text) {
  RemoteTask remote = {.program = task.is_server ? programs.server : programs.worker,
                       .arguments = {"--task=" + task.name},
                       .workers_on_host = task.workers_on_host,
                       .folder = options.remote_dir,
                       .cluster_file = cluster_text,
                       .job_file = task.is_server ? "" : job_text};
  remote.arguments.insert(remote.arguments.end(), task.arguments.begin(), task.arguments.end());
  RemoteCommand made = MakeRemoteCommand(remote);
  TaskProcess::Command command;
  command.words = absl::StrSplit(options.ssh, ' ', absl::SkipEmpty());
  // No terminal, no questions, and a host that has gone is noticed.
  for (const char* word : {"-T", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3"}) {
    command.words.push_back(word);
  }
  command.words.push_back(task.host);
  command.words.push_back(std::move(made.command));
  command.input = std::move(made.input);
  return command;
}

}  // namespace

int RunLaunch(const LoadedJob& job, LaunchRunOptions options) {
  // Who writes to a log that nobody reads any more is told so by write().
  std::signal(SIGPIPE, SIG_IGN);
  // Each worker gets a folder of its own in it.
  if (options.plan.log_dir.empty()) options.plan.log_dir = job.config.logging().folder();
  const bool local = IsLocal(options.plan);
  const absl::StatusOr<uint32_t> count = CountTasks(options.plan);
  if (!count.ok()) return Fail(count.status(), kExitUsage);
  const absl::StatusOr<ThisMachine> machine = LookAtThisMachine(local ? *count : 0);
  if (!machine.ok()) return Fail(machine.status(), kExitFailed);
  const absl::StatusOr<LaunchPlan> plan = PlanLaunch(options.plan, *machine);
  if (!plan.ok()) return Fail(plan.status(), kExitUsage);
  const absl::StatusOr<ProgramFiles> programs = FindPrograms(options.binaries, /*must_exist=*/local);
  if (!programs.ok()) return Fail(programs.status(), kExitUsage);
  const absl::StatusOr<ScratchFolder> folder = ScratchFolder::Create();
  if (!folder.ok()) return Fail(folder.status(), kExitFailed);
  const std::string job_text = MakeJobText(job, options.plan.data_dir);
  const absl::StatusOr<std::string> job_file = folder->Write(job.config.name() + ".textproto", job_text);
  const absl::StatusOr<std::string> cluster_file = folder->Write("cluster.textproto", plan->cluster_file);
  for (const auto* file : {&job_file, &cluster_file}) {
    if (!file->ok()) return Fail(file->status(), kExitFailed);
  }
  // They would tell tasks something else than their flags.
  for (const char* name : {"CLUSTER", "TASK", "SERVERS", "JOB", "LISTEN"}) {
    ::unsetenv(absl::StrCat("DOWNPOUR_", name).c_str());
  }
  const int signals = OpenSignals();
  if (signals < 0) return Fail(absl::ErrnoToStatus(errno, "waiting for signals"), kExitFailed);
  return Launch(*plan, options.supervision,
                [&](const LaunchTask& task) {
                  return local ? LocalCommand(task, *programs, *cluster_file, *job_file)
                               : SshCommand(task, *programs, options, plan->cluster_file, job_text);
                })
      .Run(signals);
}

}  // namespace downpour
