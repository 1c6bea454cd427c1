// What all tasks of a job answered when they were asked for their status.
#ifndef DOWNPOUR_CLI_STATUS_CLUSTER_SAMPLE_H_
#define DOWNPOUR_CLI_STATUS_CLUSTER_SAMPLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "proto/status.pb.h"

namespace downpour {

struct TaskSample {
  std::string task = {};     // "server/0"; the address where nobody has told a name
  std::string address = {};  // that it was asked at
  // OK: `report` is what it answered. Otherwise for people: "no answer from 10.0.0.1:7070: ...".
  absl::Status status = absl::OkStatus();
  // False: it cannot be reached from here, and nobody has tried; `status` says why. No sign of trouble.
  bool asked = true;
  double round_trip_seconds = 0;
  wire::StatusReport report = {};

  bool answered() const { return asked && status.ok(); }
};

struct ClusterSample {
  double seconds = 0;                  // on the asker's monotonic clock
  std::vector<TaskSample> tasks = {};  // servers by number, workers by number, then what has no name

  // Null where there is no such task.
  const TaskSample* Find(const std::string& task) const {
    for (const TaskSample& sample : tasks) {
      if (sample.task == task) return &sample;
    }
    return nullptr;
  }
  bool AnyAnswered() const {
    for (const TaskSample& sample : tasks) {
      if (sample.answered()) return true;
    }
    return false;
  }
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_CLUSTER_SAMPLE_H_
