#ifndef DOWNPOUR_CLI_LAUNCH_TASK_PROCESS_H_
#define DOWNPOUR_CLI_LAUNCH_TASK_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/launch/supervision.h"

namespace downpour {

// A process that a launch has started: a task, or the ssh that a task is reached by. It is killed when this process
// ends for whatever reason, and at the latest when this object goes. It is in a process group of its own, so that
// Ctrl-C on a terminal is for the launch alone. Not thread-safe; to be started by the main thread.
class TaskProcess {
 public:
  struct Command {
    std::vector<std::string> words;
    // Over ssh: what standard input begins with; signals follow it there (remote_script.h). Otherwise there is none.
    std::optional<std::string> input = std::nullopt;
  };

  // NOT_FOUND, PERMISSION_DENIED, ...: the program cannot be run.
  static absl::StatusOr<std::unique_ptr<TaskProcess>> Start(const Command& command);
  ~TaskProcess();
  TaskProcess(const TaskProcess&) = delete;
  TaskProcess& operator=(const TaskProcess&) = delete;

  pid_t pid() const { return pid_; }
  // Standard output and error in one, not blocking; -1 once it has ended.
  int output() const { return output_; }
  // That has room for what waits to be sent; -1 when nothing waits.
  int input() const { return pending_.empty() ? -1 : input_; }

  // More of its output; empty when there is none now.
  std::string Read();
  // Sends what waits, as far as there is room.
  void SendPending();

  // SIGINT, SIGTERM or SIGKILL. A task on another host that is killed a second time is given up: its ssh is killed.
  void Signal(int signal);

  // How it ended, if it has. Asks the system; afterwards the process is gone.
  std::optional<TaskEnd> Ended();
  // A task on another host: its program has begun to run there.
  void NoteStarted() { started_ = true; }

 private:
  TaskProcess(pid_t pid, int output, int input, std::string pending)
      : pid_(pid), output_(output), input_(input), is_remote_(input >= 0), pending_(std::move(pending)) {}

  const pid_t pid_;
  int output_;
  int input_;
  const bool is_remote_;
  std::string pending_;
  bool close_input_ = false;  // once all is sent
  bool killed_ = false;
  bool started_ = false;
  bool gone_ = false;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_TASK_PROCESS_H_
