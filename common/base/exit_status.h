#ifndef DOWNPOUR_COMMON_BASE_EXIT_STATUS_H_
#define DOWNPOUR_COMMON_BASE_EXIT_STATUS_H_

namespace downpour {

// What the exit status of our programs means; scripts rely on it.
enum ExitStatus : int {
  kExitDone = 0,
  kExitFailed = 1,  // the job or the check failed
  kExitUsage = 2,   // the command, or a file given to it, is wrong
  kExitInterrupted = 130,
};

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_BASE_EXIT_STATUS_H_
