#ifndef DOWNPOUR_TESTS_DATA_PLANE_CHILD_PROCESS_H_
#define DOWNPOUR_TESTS_DATA_PLANE_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace downpour {

// A program that a test runs beside itself. Killed and waited for when this goes. Not thread-safe.
class ChildProcess {
 public:
  // `program` is a path; the arguments come without it. Its standard output is kept for Output(), its standard error is
  // the test's.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const std::string& program,
                                                             const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  void Signal(int number) const;
  void Stop() const;      // SIGSTOP, and waits until all its threads stand still
  void Continue() const;  // SIGCONT
  void Kill();            // SIGKILL, and waits for its end

  // Its exit status, 128 + n where signal n ended it; nothing where it does not end in time.
  std::optional<int> Wait(absl::Duration timeout);
  bool running() { return !Wait(absl::ZeroDuration()).has_value(); }

  // What it has written so far. Waits for a line that contains `text`, where it is not empty; gives what there is when
  // that does not come in time, or the process has ended.
  std::string Output(const std::string& text = "", absl::Duration timeout = absl::Seconds(20));

  // The most resident memory that it has had, in bytes.
  size_t PeakBytes() const;

 private:
  ChildProcess(pid_t pid, int output) : pid_(pid), output_(output) {}

  const pid_t pid_;
  const int output_;
  std::string written_;
  std::optional<int> status_;
};

}  // namespace downpour

#endif  // DOWNPOUR_TESTS_DATA_PLANE_CHILD_PROCESS_H_
