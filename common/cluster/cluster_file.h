#ifndef DOWNPOUR_COMMON_CLUSTER_CLUSTER_FILE_H_
#define DOWNPOUR_COMMON_CLUSTER_CLUSTER_FILE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "common/cluster/task_name.h"
#include "common/rpc/security/options.h"
#include "proto/cluster.pb.h"

namespace downpour {

// Which processes a job runs on: what proto/cluster.proto says, checked. Immutable.
class ClusterFile {
 public:
  // Errors name file, line and field: a task twice, a name that is none, servers with a gap, a server without an
  // address, an address without a port.
  static absl::StatusOr<ClusterFile> Parse(std::string_view text, const std::string& file);
  static absl::StatusOr<ClusterFile> Read(const std::string& file);

  // NOT_FOUND lists the tasks of that role.
  absl::StatusOr<ClusterConfig::Task> Find(TaskName task) const;
  // Of the servers, by their number.
  std::vector<std::string> ServerAddresses() const;
  // Of all tasks that have one.
  std::map<TaskName, std::string> Addresses() const;
  // Of one task: its own, else the cluster's, with "{task}" and "{role}" filled in.
  SecurityOptions SecurityOf(TaskName task) const;

  const std::map<TaskName, ClusterConfig::Task>& tasks() const { return tasks_; }

 private:
  std::string file_;
  ClusterConfig::Security security_;
  std::map<TaskName, ClusterConfig::Task> tasks_;
};

// HOST and PORT of "10.0.0.1:7070", "[::1]:7070", "gpu-box:7070". INVALID_ARGUMENT, which says how it is written, for
// anything else.
struct HostPort {
  std::string host;
  std::string port;
  static absl::StatusOr<HostPort> Parse(std::string_view text);
};

// Asks the system's resolver. NOT_FOUND for a name that nobody has; UNAVAILABLE where that could not be found out now.
absl::Status CheckResolves(std::string_view address);

}  // namespace downpour

#endif  // DOWNPOUR_COMMON_CLUSTER_CLUSTER_FILE_H_
