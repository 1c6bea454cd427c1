// Other people's work on this machine, for measurements that ask what is left beside it.
#ifndef DOWNPOUR_CLI_STEP_FOREIGN_LOAD_H_
#define DOWNPOUR_CLI_STEP_FOREIGN_LOAD_H_

#include <sys/types.h>

#include <vector>

#include "absl/status/status.h"

namespace downpour {

// The cores that this process may run on.
std::vector<int> UsableCores();

// One busy process on each usable core, bound to it, from construction until destruction. The processes also end with
// the thread that made them.
class ForeignLoad {
 public:
  ForeignLoad();
  ~ForeignLoad();
  ForeignLoad(const ForeignLoad&) = delete;
  ForeignLoad& operator=(const ForeignLoad&) = delete;

  // UNAVAILABLE if not all of them could be started.
  const absl::Status& status() const { return status_; }

 private:
  std::vector<pid_t> processes_;
  absl::Status status_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STEP_FOREIGN_LOAD_H_
