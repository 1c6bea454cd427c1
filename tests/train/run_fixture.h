// Whole runs of small jobs, with real servers in this process.
#ifndef DOWNPOUR_TESTS_TRAIN_RUN_FIXTURE_H_
#define DOWNPOUR_TESTS_TRAIN_RUN_FIXTURE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/train/job.h"
#include "worker/train/run_events.h"

namespace downpour::testing {

// A small network on images of 8 x 8 of which one quarter is brighter, easy to learn. `more` are lines of the job's
// file.
absl::StatusOr<LoadedJob> SmallJob(const std::string& more, const std::string& layers = "",
                                   const std::vector<std::string>& overrides = {});

struct RunSetup {
  std::vector<std::string> devices = {"cpu:0"};
  uint32_t servers = 1;
  std::string carrier = "memory";
  RunObserver* observer = nullptr;
  const std::atomic<bool>* stop = nullptr;
  std::vector<std::string> overrides = {};  // as of --set, of RunSmallJob
  std::string layers = "";                  // after the convolution, of RunSmallJob
};

struct RunResult {
  RunEnd end;
  std::vector<std::vector<float>> weights;  // at the servers, by the model's parameters
  std::string refused;                      // how the servers refused the job, if they did
};

RunResult RunJob(const LoadedJob& job, const RunSetup& setup = {});

// The job must be all right.
RunResult RunSmallJob(const std::string& more, const RunSetup& setup = {});

}  // namespace downpour::testing

#endif  // DOWNPOUR_TESTS_TRAIN_RUN_FIXTURE_H_
