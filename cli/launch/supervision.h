// When a task is started again, when a launch is over, and how it ended: rules without processes or time of their own.
#ifndef DOWNPOUR_CLI_LAUNCH_SUPERVISION_H_
#define DOWNPOUR_CLI_LAUNCH_SUPERVISION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace downpour {

// How a task's process ended.
struct TaskEnd {
  enum class How {
    kExited,       // with `value` as its status
    kKilled,       // by signal `value`
    kNotStarted,   // it never ran: the host was not reached, or lacks something
    kUnreachable,  // the connection to its host is lost
  };
  How how = How::kExited;
  int value = 0;
};

// For people: "was killed by signal 9 (Killed)".
std::string Describe(const TaskEnd& end);

struct SupervisionOptions {
  // Of a worker that died of a signal, or whose host was lost.
  bool restart = true;
  // Of each worker, in all.
  uint32_t restarts_max = 3;
  // Before the first restart of a worker; doubled at each further one.
  absl::Duration backoff = absl::Seconds(1);
  absl::Duration backoff_max = absl::Seconds(30);
  // For workers to leave when something has failed, and for servers when the workers have left. Then they are killed.
  absl::Duration patience = absl::Seconds(15);
};

// What Supervision has done to tasks, each by its place in the list.
class TaskControl {
 public:
  virtual ~TaskControl() = default;
  // A failure to start is reported by OnEnd, later.
  virtual void Start(size_t task) = 0;
  virtual void Signal(size_t task, int signal) = 0;
  // For people, a line of the log.
  virtual void Say(std::string_view text) = 0;
};

// Workers run until the run is over; then servers are asked to stop. A worker that died is started again. A server that
// ended took its weights with it, so the job fails; so it does when a worker fails by itself, which the others would do
// for the same reason. Not thread-safe; calls must not come from within TaskControl.
class Supervision {
 public:
  struct Task {
    std::string name;
    bool is_server = false;
  };

  // `control` outlives this.
  Supervision(std::vector<Task> tasks, const SupervisionOptions& options, TaskControl* control);

  // Starts all.
  void Begin();
  void OnEnd(size_t task, const TaskEnd& end, absl::Duration now);
  // Ctrl-C: the first lets workers finish their step and leave, the second kills everything.
  void OnInterrupt(absl::Duration now);
  // Does what has become due. `now` is of the same clock everywhere.
  void OnTime(absl::Duration now);

  // When OnTime has something to do; infinite: not before something happens.
  absl::Duration next() const;
  // Nothing runs, and nothing will.
  bool over() const { return phase_ == Phase::kOver; }

  // Once it is over. An exit status as common/base/exit_status.h has them.
  int status() const;
  // Why the job failed, for people; empty where it did not. `failed_task`: whose last words tell more.
  const std::string& failure() const { return failure_; }
  std::optional<size_t> failed_task() const { return failed_task_; }

 private:
  enum class Phase { kRunning, kLeaving, kFailing, kStopping, kOver };
  struct State {
    bool running = false;
    std::optional<absl::Duration> start_at = std::nullopt;
    uint32_t restarts = 0;
    bool finished = false;  // a worker, with status 0
  };

  void OnWorkerEnd(size_t task, const TaskEnd& end, absl::Duration now);
  void OnServerEnd(size_t task, const TaskEnd& end, absl::Duration now);
  bool RestartLater(size_t task, const TaskEnd& end, absl::Duration now);
  void Fail(size_t task, const TaskEnd& end, const std::string& consequence, absl::Duration now);
  void AskWorkersToLeave();
  void KillAll(absl::Duration now);
  // To the next phase, when what the present one waits for is over.
  void Advance(absl::Duration now);
  bool AnyRuns(bool servers) const;

  const std::vector<Task> tasks_;
  const SupervisionOptions options_;
  TaskControl* const control_;
  std::vector<State> states_;
  Phase phase_ = Phase::kRunning;
  uint32_t interrupts_ = 0;
  bool killed_ = false;  // by KillAll
  std::optional<absl::Duration> kill_at_;
  std::string failure_;
  std::optional<size_t> failed_task_;
  int failure_status_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_SUPERVISION_H_
