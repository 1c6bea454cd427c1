// What is asked of a PsClient, and what came of it.
#ifndef DOWNPOUR_WORKER_CLIENT_OPERATION_H_
#define DOWNPOUR_WORKER_CLIENT_OPERATION_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/sharding/shard_map.h"
#include "common/tensor/dtype.h"

namespace downpour {

// The gradient of one whole table (or whatever the policy has pushed: a difference of weights).
struct Gradient {
  TableIndex table = 0;
  DType dtype = DType::kFloat32;  // kFloat32, kBFloat16 or kFloat16
  // Row-major, little-endian, all elements of the table; any alignment. Not copied: must not change until the operation
  // is over.
  absl::Span<const std::byte> values = {};
  // No values: zeros. By this a shard hears of a step that left the table alone, which bounded_staleness asks for.
  bool zeros = false;
  // Keeps the values' memory: held until every shard has answered and nothing that was sent refers to it any more. With
  // null the memory must outlive the client.
  std::shared_ptr<const void> owner = {};
  // Of the weights that the gradient was computed from, shard by shard, as PulledTable has them. Empty: those that this
  // client has pulled last.
  absl::Span<const uint64_t> versions = {};
  int priority = 0;  // see OperationOptions
  // The Euclidean norm of the values, where it is known already; else it is computed if the job needs it.
  std::optional<double> norm = {};
};

// Takes weights where they lie in received messages, instead of having them copied. Calls for one table come one at a
// time; for different tables they may come from several threads. Must not wait; may call the client.
class WeightsSink {
 public:
  virtual ~WeightsSink() = default;

  // `bytes` are those of the table from `first_byte` on, row-major, little-endian; they may begin and end within an
  // element, and stay as they are while a copy of `owner` is held. Bytes come in order within a shard; after a lost
  // connection a shard may begin anew, and what came of it before is void.
  virtual void Take(TableIndex table, uint64_t first_byte, absl::Span<const std::byte> bytes,
                    const std::shared_ptr<const void>& owner) = 0;
};

// A table whose weights are wanted, and where.
struct Target {
  TableIndex table = 0;
  // One of the two. Memory of just the table's size, which is written until the operation is over; on an error its
  // contents are unspecified.
  absl::Span<std::byte> memory = {};
  WeightsSink* sink = nullptr;
  int priority = 0;  // see OperationOptions
};

struct OperationResult;

struct OperationOptions {
  // Steps that the worker has finished: of a push its own included; a pull asks for the weights of step clock + 1.
  uint64_t clock = 0;
  // What is smaller is sent first, whatever was asked before; a table adds its own. So a layer's number will do.
  int priority = 0;
  absl::Duration timeout = absl::ZeroDuration();  // zero: that of the client
  bool want_average = false;                      // of pulls: the moving average instead of the weights
  // Called once when it is over, on any thread. Must not wait; may call the client.
  std::function<void(const OperationResult&)> done = {};
};

// What is known of the push to one shard when its operation is over.
enum class ShardFate : uint8_t {
  kUnknown,  // no answer: it is in the weights once, or not
  kApplied,  // it is in the weights
  kDropped,  // it came too late for its step, and is in nothing
  kRefused,  // it is in nothing; the operation's status says why
};

struct ShardOutcome {
  ShardId shard = 0;
  ShardFate fate = ShardFate::kUnknown;
  uint64_t version = 0;    // the shard's, when that was decided
  uint64_t staleness = 0;  // of kApplied: updates to the shard between what it was computed from and itself
};

struct PulledTable {
  TableIndex table = 0;
  absl::InlinedVector<uint64_t, 1> versions;  // shard by shard
};

struct OperationResult {
  // OK: every push was applied or dropped, all weights are there. See PsClient for the others.
  absl::Status status;
  absl::InlinedVector<ShardOutcome, 1> pushes;  // in the order of the gradients, shard by shard
  std::vector<PulledTable> pulled;              // in the order of the targets
  uint64_t clock = 0;                           // of a pull: to go on from; the smallest that a shard gave

  // Of pushes.
  size_t Count(ShardFate fate) const;
};

// An operation, under way or over. Handed around by shared_ptr; may be let go at any time. Thread-safe.
class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation() = default;

  bool over() const { return over_.load(std::memory_order_acquire); }

  // Requires over().
  const OperationResult& result() const { return result_; }

  // Waits until it is over.
  const OperationResult& Wait() const;

 protected:
  // Calls `done`, then lets those go that wait. By who has finished the result, once.
  void Announce();

  OperationResult result_;
  std::function<void(const OperationResult&)> done_;

 private:
  std::atomic<bool> over_{false};
};
using OperationHandle = std::shared_ptr<const Operation>;

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_CLIENT_OPERATION_H_
