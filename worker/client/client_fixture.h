// A client of a fake cluster, and gradients for it.
#ifndef DOWNPOUR_WORKER_CLIENT_CLIENT_FIXTURE_H_
#define DOWNPOUR_WORKER_CLIENT_CLIENT_FIXTURE_H_

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "worker/client/ps_client.h"
#include "worker/client/testing/fake_cluster.h"

namespace downpour::testing {

// Of a table: `value` at every element.
inline Gradient MakeGradient(TableIndex table, size_t elements, float value) {
  auto values = std::make_shared<std::vector<float>>(elements, value);
  Gradient gradient;
  gradient.table = table;
  gradient.values = {reinterpret_cast<const std::byte*>(values->data()), elements * sizeof(float)};
  gradient.owner = std::move(values);
  return gradient;
}

inline Target MakeTarget(TableIndex table, std::vector<float>* memory) {
  Target target;
  target.table = table;
  target.memory = {reinterpret_cast<std::byte*>(memory->data()), memory->size() * sizeof(float)};
  return target;
}

class ClientTest : public ::testing::Test {
 protected:
  void Start(ShardMap map, uint64_t bytes_in_flight_max = 8 << 20) {
    cluster_ = std::make_unique<FakeCluster>(std::move(map), bytes_in_flight_max);
    options_ = cluster_->Options();
  }
  void Join() {
    absl::StatusOr<std::unique_ptr<PsClient>> client = PsClient::Join(options_, cluster_->Carriers());
    ASSERT_EQ(client.status(), absl::OkStatus());
    client_ = *std::move(client);
  }
  void StartAndJoin(ShardMap map, uint64_t bytes_in_flight_max = 8 << 20) {
    Start(std::move(map), bytes_in_flight_max);
    Join();
  }

  OperationHandle Push(TableIndex table, float value, OperationOptions options = {}) {
    const size_t elements = client_->shard_map()->tables()[table].element_count;
    return client_->Push({MakeGradient(table, elements, value)}, std::move(options));
  }

  // For what comes about on other threads.
  template <typename Condition>
  static void WaitUntil(Condition condition) {
    while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  std::unique_ptr<FakeCluster> cluster_;
  PsClientOptions options_;
  std::unique_ptr<PsClient> client_;
};

}  // namespace downpour::testing

#endif  // DOWNPOUR_WORKER_CLIENT_CLIENT_FIXTURE_H_
