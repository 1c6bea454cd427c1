// The parts of operations: what is asked of one shard. Plain data, guarded by the lock of ClientCore.
#ifndef DOWNPOUR_WORKER_CLIENT_SHARD_REQUEST_H_
#define DOWNPOUR_WORKER_CLIENT_SHARD_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "common/rpc/sliced_message.h"
#include "worker/client/operation.h"

namespace downpour {

class OpenOperation;
struct ServerState;

// Where a request is on its way.
enum class RequestState : uint8_t {
  kBlocked,    // a push: 64 of its shard are open already; a pull: comes after a push
  kQueued,     // in the queue of its server, perhaps half sent
  kSent,       // on the stream of its server, whole; waits for the answer
  kHeld,       // a push that its server has, and keeps for its batch
  kDelayed,    // the server was busy: queued again when its time comes
  kAwaitsMap,  // the shard map was old: queued again when there is another
  kDone,
};

struct ShardRequest {
  OpenOperation* operation = nullptr;
  ServerState* server = nullptr;  // that it is queued for or sent to; null while it is neither
  ShardId shard = 0;
  int priority = 0;
  uint64_t order = 0;  // of asking, over all requests
  bool is_push = false;
  RequestState state = RequestState::kBlocked;
  bool was_sent = false;   // on any stream
  absl::Duration sent_at;  // the last time, its first byte
};

struct ShardPull : ShardRequest {
  size_t target = 0;        // in the operation's targets
  uint64_t first_byte = 0;  // of the shard in its table
  uint64_t total_bytes = 0;
  // Of the answer that is coming in.
  uint64_t received = 0;
  uint64_t version = 0;
  uint64_t clock = 0;
  size_t index = 0;  // of the shard in its table
};

struct ShardPush : ShardRequest {
  size_t gradient = 0;      // in the operation's gradients
  uint64_t first_byte = 0;  // of the shard in its table
  uint64_t element_count = 0;
  uint64_t total_bytes = 0;
  uint64_t version_pulled = 0;
  size_t outcome = 0;      // in the result's pushes
  uint64_t sequence = 0;   // 0: none yet
  uint64_t epoch = 0;      // that its pieces name on this stream
  uint64_t offset = 0;     // so far it has been sent on this stream
  uint64_t in_flight = 0;  // bytes of it that count against the stream's limit
  bool orphaned = false;   // its operation is over: not to be sent anew
  ShardPull* then = nullptr;
};

// Requests to one server in the order of sending: by priority, then by order of asking. Holds no memory of theirs.
class SendQueue {
 public:
  bool empty() const { return requests_.empty(); }
  size_t size() const { return requests_.size(); }
  ShardRequest* front() const { return requests_.front(); }
  void PopFront() { requests_.pop_front(); }

  // A new request of the usual priority costs nothing; another one is moved to its place.
  void Add(ShardRequest* request);
  void Erase(ShardRequest* request);
  void Clear() { requests_.clear(); }
  const std::deque<ShardRequest*>& requests() const { return requests_; }

 private:
  std::deque<ShardRequest*> requests_;
};

// The pushes to one shard that have a number, or wait for one. The rule of the wire: at most kOpenMax numbers from the
// lowest that has no answer to the highest.
class ShardNumbers {
 public:
  static constexpr uint64_t kOpenMax = 64;

  // The push gets its number now, or waits and false.
  bool Begin(ShardPush* push);
  // The open push of that number; null where there is none.
  ShardPush* Find(uint64_t sequence) const;
  // The push needs its number no longer. Gives those that got theirs by it.
  std::vector<ShardPush*> End(ShardPush* push);
  // Another incarnation: begins with 1.
  void Restart();

 private:
  bool HasRoom() const { return open_.empty() || next_ - open_.front()->sequence < kOpenMax; }

  uint64_t next_ = 1;
  absl::InlinedVector<ShardPush*, 2> open_;  // by rising number
  std::deque<ShardPush*> waiting_;
};

// An operation with all that is still to be done for it.
class OpenOperation final : public Operation {
 public:
  struct TargetState {
    Target target;
    absl::InlinedVector<uint64_t, 1> versions;
  };
  struct GradientState {
    Gradient gradient;
    double norm = 0;  // of the table, where the job wants it
    bool has_norm = false;
    bool has_versions = false;  // the caller has said what the gradient was computed from
  };

  using Operation::Announce;
  OperationResult& mutable_result() { return result_; }
  void set_done(std::function<void(const OperationResult&)> done) { done_ = std::move(done); }

  OperationOptions options;
  uint64_t ticket = 0;  // also names it in the list of open ones
  absl::Duration deadline = absl::InfiniteDuration();
  absl::InlinedVector<GradientState, 1> gradients;
  absl::InlinedVector<TargetState, 1> targets;
  // Not moved once made: others point to them.
  absl::InlinedVector<ShardPush, 1> pushes;
  absl::InlinedVector<ShardPull, 1> pulls;

  size_t unanswered = 0;  // requests that are not kDone
  size_t copying = 0;     // threads that write weights to their targets right now
  bool settled = false;   // its status is known, but somebody is copying
  bool announced = false;
  absl::Status trouble;  // the last that was wrong, for the message of a deadline
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_CLIENT_SHARD_REQUEST_H_
