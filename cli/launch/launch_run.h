#ifndef DOWNPOUR_CLI_LAUNCH_LAUNCH_RUN_H_
#define DOWNPOUR_CLI_LAUNCH_LAUNCH_RUN_H_

#include <string>

#include "cli/launch/launch_plan.h"
#include "cli/launch/supervision.h"
#include "worker/train/job.h"

namespace downpour {

// As the flags of `downpour launch` say it.
struct LaunchRunOptions {
  LaunchOptions plan = {};
  SupervisionOptions supervision = {};
  std::string ssh = "ssh";      // the program and flags of its own, between spaces
  std::string binaries = {};    // the folder of the programs; empty: beside this one
  std::string remote_dir = {};  // that tasks on other hosts run in; empty: where ssh begins
};

// Runs the job's tasks until the run is over or stopped, with their output as one log on stdout. Gives the exit status;
// errors are on stderr by then. To be called once, before there are other threads.
int RunLaunch(const LoadedJob& job, LaunchRunOptions options);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_LAUNCH_LAUNCH_RUN_H_
