// Other people's work on this machine, for measurements that ask what is left beside it.
#ifndef DOWNPOUR_CLI_STEP_FOREIGN_LOAD_H_
#define DOWNPOUR_CLI_STEP_FOREIGN_LOAD_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/status.h"

namespace downpour {

// The cores that this process may run on.
std::vector<int> UsableCores();

// A process for each usable core, bound to it, that is busy between Start and Stop and asleep otherwise. They share the
// memory that this process has at the time, and each page of it that it writes to later is copied once: so make them
// early, and not within what is measured. They also end with the thread that made them.
class ForeignLoad {
 public:
  ForeignLoad();
  ~ForeignLoad();
  ForeignLoad(const ForeignLoad&) = delete;
  ForeignLoad& operator=(const ForeignLoad&) = delete;

  // UNAVAILABLE if not all of them could be started.
  const absl::Status& status() const { return status_; }

  void Start();
  void Stop();

 private:
  void SignalAll(int signal);

  std::vector<pid_t> processes_;
  absl::Status status_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STEP_FOREIGN_LOAD_H_
