// Logs of runs, as worker/train/json_log.h writes them, read back for a picture.
#ifndef DOWNPOUR_CLI_PLOT_RUN_LOG_H_
#define DOWNPOUR_CLI_PLOT_RUN_LOG_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace downpour {

struct RunPoint {
  double step = 0;
  double seconds = 0;
  double loss = 0;      // NaN where there is none
  double accuracy = 0;  // share; NaN where there is none
};

struct RunLog {
  std::string job;  // as the log names it; may be empty
  std::vector<RunPoint> training;
  std::map<std::string, std::vector<RunPoint>> evaluations;  // by split
};

// Reads a log, or `run.jsonl` of a folder. A last line that was not finished is left out: the run goes on. Of several
// runs in one file the last counts. Events of other kinds and other fields are passed over. Errors name the file, and
// the line where there is one: NOT_FOUND; INVALID_ARGUMENT for what is not a log; NOT_FOUND also for a log of nothing.
absl::StatusOr<RunLog> ReadRunLog(const std::string& path);

// Names that tell logs apart in a legend: the shortest ends of the paths that differ, without `.jsonl`, or the folder
// where the file is called run.jsonl.
std::vector<std::string> RunNames(std::span<const std::string> paths);

}  // namespace downpour

#endif  // DOWNPOUR_CLI_PLOT_RUN_LOG_H_
