// Real servers, and clients that reach them over a carrier of choice, in one process: what the suites of this package
// run on.
#ifndef DOWNPOUR_TESTS_DATA_PLANE_TEST_CLUSTER_H_
#define DOWNPOUR_TESTS_DATA_PLANE_TEST_CLUSTER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/carrier.h"
#include "common/rpc/shared_memory/channels.h"
#include "server/service/grpc_server.h"
#include "server/service/job_host.h"
#include "worker/client/ps_client.h"

namespace downpour {

// One way to reach a server. Each implementation of Carrier has one, and passes the same suite by it.
struct CarrierKind {
  std::string name;            // "memory", "grpc", "shm"
  bool listens = false;        // the server has a port
  bool shares_memory = false;  // and hands out shared memory
  // `address` is that of the port; empty where there is none.
  std::function<std::unique_ptr<Carrier>(JobHost* host, const std::string& address)> make;
};
std::vector<CarrierKind> AllCarrierKinds();
inline void PrintTo(const CarrierKind& kind, std::ostream* out) { *out << kind.name; }

struct TestJob {
  std::vector<uint64_t> tables = {4};  // elements of each
  uint64_t shard_elements = kShardElementsMax;
  uint32_t servers = 1;
  std::string policy = "async {}";
  std::string optimizer = "sgd { learning_rate: 1 }";
};

// Passes exchanges on to another carrier, and cuts them when told to.
class CuttableCarrier final : public Carrier {
 public:
  explicit CuttableCarrier(std::unique_ptr<Carrier> carrier) : carrier_(std::move(carrier)) {}

  std::string_view name() const override { return carrier_->name(); }
  std::string address() const override { return carrier_->address(); }
  ExchangeLimits limits() const override { return carrier_->limits(); }
  std::shared_ptr<ExchangeLink> Connect(std::shared_ptr<ClientEnd> end) override;
  Control& control() override { return carrier_->control(); }

  void Cut();

 private:
  const std::unique_ptr<Carrier> carrier_;
  Mutex mutex_;
  std::weak_ptr<ExchangeLink> link_ DP_GUARDED_BY(mutex_);
};

// Servers with one job. Thread-safe but for Restart.
class TestCluster {
 public:
  TestCluster(CarrierKind kind, const TestJob& job);
  ~TestCluster();

  std::unique_ptr<PsClient> Join(uint32_t worker = 0);
  // Of that client: the carriers that it was given are cut by Cut of the same worker.
  PsClientOptions Options(uint32_t worker) const;
  CarrierFactory Carriers(uint32_t worker);

  // Ends the present exchange of a worker with a server in the middle of whatever it is doing.
  void Cut(uint32_t worker, ServerId server);
  // Another process in the place of a server: empty, on the same port.
  void Restart(ServerId server);

  std::vector<float> WeightsOf(TableIndex table) const;
  const ShardMap& map() const { return map_; }
  JobHost& host(ServerId server) { return *servers_.at(server).host; }

 private:
  struct Server {
    std::unique_ptr<JobHost> host;
    std::unique_ptr<SharedMemoryServerChannels> channels;
    std::unique_ptr<GrpcServer> grpc;
    std::string address;
  };
  void StartServer(ServerId id, const std::string& listen);

  const CarrierKind kind_;
  const wire::CreateJobRequest job_;
  const ShardMap map_;
  uint64_t next_incarnation_ = 100;
  std::map<ServerId, Server> servers_;
  mutable Mutex mutex_;
  std::map<std::pair<uint32_t, ServerId>, CuttableCarrier*> carriers_ DP_GUARDED_BY(mutex_);
};

}  // namespace downpour

#endif  // DOWNPOUR_TESTS_DATA_PLANE_TEST_CLUSTER_H_
