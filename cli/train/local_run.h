#ifndef DOWNPOUR_CLI_TRAIN_LOCAL_RUN_H_
#define DOWNPOUR_CLI_TRAIN_LOCAL_RUN_H_

#include <cstdint>
#include <string>

#include "worker/train/job.h"

namespace downpour {

// As the flags of `downpour train` say it.
struct LocalRunOptions {
  std::string devices;  // empty: what this machine has
  uint32_t servers = 1;
  std::string carrier = "memory";
  std::string data_dir;
  std::string log_dir;   // empty: the job's
  std::string json_log;  // empty: none
  std::string listen;    // where the run tells its status; empty: nowhere
};

// Servers and replicas of a job in this process, until the run is over or stopped; shows its progress on stdout. Gives
// the exit status; errors are on stderr by then. To be called before there are other threads.
int RunLocally(const LoadedJob& job, const LocalRunOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRAIN_LOCAL_RUN_H_
