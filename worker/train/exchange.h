// How the steps of a replica go together with the servers, by the job's policy.
#ifndef DOWNPOUR_WORKER_TRAIN_EXCHANGE_H_
#define DOWNPOUR_WORKER_TRAIN_EXCHANGE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/client/ps_client.h"
#include "worker/train/job.h"
#include "worker/train/network.h"

namespace downpour {

// What has come of a replica's pushes.
struct PushRecord {
  std::map<uint64_t, uint64_t> staleness;  // pushes, one a step, by the largest of their shards
  uint64_t applied = 0;                    // how many those are
  uint64_t staleness_sum = 0;
  uint64_t dropped = 0;  // pushes of which a shard dropped its part, as too late for its step
};

// Seconds that went into it, as PhaseTimes has them.
struct ExchangeTimes {
  double push = 0;
  double pull = 0;
};

// For each step: Begin, then the step with GradientReady for each of its gradients, then End. Begin and End are for the
// replica's thread; GradientReady comes from any thread, one call at a time. An error of any of them ends the exchange;
// after ABORTED and PsClient::Rejoin it may go on with Begin.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // The network has the weights to compute the next step with. Waits as the policy has it.
  virtual absl::Status Begin() = 0;

  virtual void GradientReady(size_t parameter) = 0;

  // All gradients are there.
  virtual absl::Status End() = 0;

  // Waits for the pushes that are on their way: before an evaluation.
  virtual absl::Status Settle() = 0;

  // Pushes what was kept back, too: before the last evaluation, and before the worker leaves.
  virtual absl::Status Finish() = 0;

  // The weights have to be fetched again: the network's are others, those of an evaluation.
  virtual void Refetch() = 0;

  // The client has joined anew after it was given up: what was open is nobody's any more.
  void Rejoined() {
    clock_ = client_->clock();
    Forget();
    Refetch();
  }

  // Puts the servers' weights, or their moving average, into the network: for an evaluation. Refetch comes after it,
  // unless Keep and Restore go around it.
  absl::Status FetchForEvaluation(bool average);

  // The replica's own weights, where it has some that are not the servers': kept during an evaluation.
  virtual void KeepOwnWeights() {}
  virtual void RestoreOwnWeights() { Refetch(); }

  uint64_t clock() const { return clock_; }
  const PushRecord& record() const { return record_; }
  ExchangeTimes times() const { return times_; }

 protected:
  Exchange(PsClient* client, Network* network);

  static absl::Span<const std::byte> BytesOf(std::span<const float> values) {
    return {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(float)};
  }
  static absl::Span<std::byte> BytesOf(std::span<float> values) {
    return {reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(float)};
  }
  TableIndex table(size_t parameter) const { return tables_[parameter]; }
  bool is_state(size_t parameter) const {
    return network_->graph().parameters()[parameter].spec->role == ParameterSpec::Role::kState;
  }

  // What was not finished, pushes kept back included.
  virtual void Forget() = 0;

  // Fetches all weights into the network, and goes on from the clock that the answer has.
  absl::Status PullAll();
  // Notes the versions that were pulled and the clock.
  void NotePull(const OperationResult& result);
  // Waits for the pushes of one step and takes them into the record.
  absl::Status FinishPushes(std::vector<OperationHandle>* pushes);

  PsClient* const client_;
  Network* const network_;
  uint64_t clock_ = 0;                                      // steps finished
  std::vector<absl::InlinedVector<uint64_t, 1>> versions_;  // pulled last, by parameter
  PushRecord record_;
  ExchangeTimes times_;

 private:
  std::vector<TableIndex> tables_;  // by parameter
  std::vector<size_t> parameters_;  // by table
};

struct ExchangeOptions {
  // What is sent is applied, and what is asked for is there, when the call returns: nothing is gained by copies that
  // would let it happen beside the computing.
  bool carrier_is_inline = false;
};

// The exchange of the job's policy. The job has been checked; the client has joined, and its tables are those of the
// network's graph. Both outlive the exchange.
absl::StatusOr<std::unique_ptr<Exchange>> MakeExchange(const LoadedJob& job, const ExchangeOptions& options,
                                                       PsClient* client, Network* network);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_EXCHANGE_H_
