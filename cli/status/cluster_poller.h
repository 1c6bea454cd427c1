#ifndef DOWNPOUR_CLI_STATUS_CLUSTER_POLLER_H_
#define DOWNPOUR_CLI_STATUS_CLUSTER_POLLER_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/status/cluster_sample.h"
#include "cli/status/status_client.h"
#include "common/base/clock.h"

namespace downpour {

// Asks all tasks of a job for their status, again and again: those whose addresses it was given, and those that these
// name. A task that does not answer is part of the sample, with the reason. One thread at a time.
class ClusterPoller {
 public:
  // `client` and `clock` outlive it. `host`: of this machine, to know which loopback addresses are ours.
  ClusterPoller(StatusClient* client, std::vector<std::string> addresses, std::string host, const Clock& clock);

  // Takes at most a few deadlines of the client, however many tasks there are and whatever they answer. `with_shards`
  // says of which addresses' servers each shard is wanted; null: of none.
  ClusterSample Poll(const std::function<bool(const std::string& address)>& with_shards = nullptr);

 private:
  StatusClient* const client_;
  const std::vector<std::string> given_;
  const std::string host_;
  const Clock& clock_;
  // Addresses that answered last time, or that somebody named, with the names of their tasks.
  std::map<std::string, std::string> known_;
};

// The name of this machine, as tasks tell theirs.
std::string HostName();

}  // namespace downpour

#endif  // DOWNPOUR_CLI_STATUS_CLUSTER_POLLER_H_
