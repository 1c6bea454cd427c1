// Who tells what of each replica: the coordinator, its own task, other servers.
#ifndef DOWNPOUR_CLI_STATUS_WORKER_SOURCES_H_
#define DOWNPOUR_CLI_STATUS_WORKER_SOURCES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/status/cluster_sample.h"

namespace downpour {

// The report of the server that coordinates; null where it does not answer.
const wire::StatusReport* CoordinatorOf(const ClusterSample& sample);
const TaskSample* CoordinatorTaskOf(const ClusterSample& sample);

// Pointers into a sample, which outlives them.
struct WorkerSources {
  const wire::WorkerStatus* coordinator = nullptr;
  const wire::WorkerStatus* own = nullptr;
  std::vector<const wire::WorkerStatus*> servers = {};  // of all servers, the coordinator included
  const TaskSample* task = nullptr;                     // null: its task is not known

  // The newest: its own task's, else the coordinator's. Null: nobody has told.
  const wire::WorkerLoad* load() const;
  // Of these sources, the one from the same teller as `other`'s load(), so that totals may be subtracted.
  const wire::WorkerLoad* LoadAsOf(const WorkerSources& other) const;
  // By the coordinator, else by itself, else by any server. Null: nobody.
  const wire::WorkerStatus* status() const;
};

// By the replica's number.
std::map<uint32_t, WorkerSources> CollectWorkers(const ClusterSample& sample);
std::map<uint32_t, WorkerSources> CollectWorkers(ClusterSample&& sample) = delete;  // they point into it

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_WORKER_SOURCES_H_
