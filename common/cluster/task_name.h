#ifndef DOWNPOUR_COMMON_CLUSTER_TASK_NAME_H_
#define DOWNPOUR_COMMON_CLUSTER_TASK_NAME_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace downpour {

enum class TaskRole : uint8_t { kServer, kWorker };

// A process of a job: "server/0", "worker/3".
struct TaskName {
  TaskRole role = TaskRole::kServer;
  uint32_t number = 0;

  std::string ToString() const;
  // INVALID_ARGUMENT says how it is written.
  static absl::StatusOr<TaskName> Parse(std::string_view text);

  friend auto operator<=>(const TaskName&, const TaskName&) = default;
};

// ---- The replicas of a worker's task are workers to the servers, each with a number of its own, which tells both.

inline constexpr uint32_t kTasksMax = 1 << 16;          // numbers of tasks are below
inline constexpr uint32_t kReplicasOfTaskMax = 1 << 8;  // and of a task's replicas

constexpr uint32_t WorkerNumber(uint32_t task, uint32_t replica) { return replica * kTasksMax + task; }
constexpr uint32_t TaskOfWorker(uint32_t worker) { return worker % kTasksMax; }
constexpr uint32_t ReplicaOfWorker(uint32_t worker) { return worker / kTasksMax; }

// "worker/3", and "worker/3:1" for the second replica of that task.
std::string WorkerName(uint32_t worker);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_CLUSTER_TASK_NAME_H_
