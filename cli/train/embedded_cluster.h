#ifndef DOWNPOUR_CLI_TRAIN_EMBEDDED_CLUSTER_H_
#define DOWNPOUR_CLI_TRAIN_EMBEDDED_CLUSTER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/rpc/shared_memory/channels.h"
#include "common/sharding/shard_map.h"
#include "server/service/grpc_server.h"
#include "server/service/job_host.h"
#include "worker/client/ps_client.h"
#include "worker/status/status_server.h"

namespace downpour {

// Parameter servers in this process, for a job on one machine, and the ways to them: by calls ("memory"), or over
// loopback sockets ("grpc"), with the payload in shared memory ("shm"). Thread-safe.
class EmbeddedCluster {
 public:
  struct Options {
    uint32_t servers = 1;
    std::string carrier = "memory";
    uint64_t memory_max = uint64_t{1} << 36;  // of each server
  };

  // INVALID_ARGUMENT for a carrier that there is not; errors of sockets and of shared memory.
  static absl::StatusOr<std::unique_ptr<EmbeddedCluster>> Start(const Options& options);
  ~EmbeddedCluster();
  EmbeddedCluster(const EmbeddedCluster&) = delete;
  EmbeddedCluster& operator=(const EmbeddedCluster&) = delete;

  std::vector<ServerId> servers() const;
  CarrierFactory Carriers();
  bool carrier_is_inline() const { return options_.carrier == "memory"; }

  // Lets anybody on this machine ask how the servers are (proto/status.proto): the first at `listen`, the others at any
  // free port. Before the first worker joins.
  absl::Status TellStatus(const std::string& listen);
  const std::string& status_address() const { return status_address_; }  // of the first

  JobHost& host(ServerId server) { return *servers_.at(server).host; }

 private:
  struct Server {
    std::unique_ptr<JobHost> host;
    std::unique_ptr<SharedMemoryServerChannels> channels;
    std::unique_ptr<GrpcServer> grpc;
    std::unique_ptr<StatusServer> status;
  };

  explicit EmbeddedCluster(const Options& options) : options_(options) {}
  absl::Status StartServer(ServerId id);
  void SweepNowAndThen();

  const Options options_;
  std::map<ServerId, Server> servers_;
  SharedMemoryClientChannels shared_memory_;
  std::string status_address_;

  Mutex mutex_;
  CondVar wake_;
  bool ending_ DP_GUARDED_BY(mutex_) = false;
  std::thread sweeper_;
};

}  // namespace downpour

#endif  // DOWNPOUR_CLI_TRAIN_EMBEDDED_CLUSTER_H_
