// What `downpour drain` and `downpour stop` do.
#ifndef DOWNPOUR_CLI_STATUS_STEERING_H_
#define DOWNPOUR_CLI_STATUS_STEERING_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/status/cluster_poller.h"
#include "cli/status/status_client.h"

namespace downpour {

// The numbers of "worker/3", ...: each once. INVALID_ARGUMENT for what cannot be drained, and for none at all.
absl::StatusOr<std::vector<uint32_t>> TasksToDrain(const std::vector<std::string>& words);

// Asks the job's coordinator, whom it finds by itself. Errors are for people. One thread at a time.
class Steering {
 public:
  // Both outlive it. `say` is given a line for each thing done.
  Steering(StatusClient* client, ClusterPoller* poller, std::function<void(const std::string&)> say);

  // No more work for these workers' tasks. NOT_FOUND where one has no live replica; the others are drained all the
  // same.
  absl::Status Drain(const std::vector<uint32_t>& tasks);

  struct StopOptions {
    std::string why = {};
    bool evaluate = false;
    bool servers = false;                        // ends the servers when the workers have left
    absl::Duration patience = absl::Minutes(1);  // for the workers to leave
    absl::Duration pause = absl::Milliseconds(200);
  };
  absl::Status Stop(const StopOptions& options);

 private:
  // Where the server that coordinates can be asked. `sample` is what all answered.
  absl::StatusOr<std::string> FindCoordinator(const ClusterSample& sample) const;
  absl::Status WaitForWorkers(const StopOptions& options);
  absl::Status ShutDownServers(const ClusterSample& sample);

  StatusClient* const client_;
  ClusterPoller* const poller_;
  const std::function<void(const std::string&)> say_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_STEERING_H_
