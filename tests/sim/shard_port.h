#ifndef DOWNPOUR_TESTS_SIM_SHARD_PORT_H_
#define DOWNPOUR_TESTS_SIM_SHARD_PORT_H_

#include <cstdint>
#include <utility>

#include "server/shard/shard.h"

namespace downpour::sim {

// Where a simulated server calls its shard. As it is, it passes everything through; what is planted changes something.
class ShardPort {
 public:
  explicit ShardPort(Shard& shard) : shard_(shard) {}
  virtual ~ShardPort() = default;

  virtual MembershipAnswer Join(WorkerId worker, uint64_t incarnation, uint64_t clock) {
    return shard_.Join(worker, incarnation, clock);
  }
  virtual Completions Leave(WorkerId worker, uint64_t incarnation) { return shard_.Leave(worker, incarnation); }
  virtual PushAnswer Push(PushRequest request) { return shard_.Push(std::move(request)); }
  virtual PullOutcome Pull(const PullRequest& request) { return shard_.Pull(request); }
  virtual absl::Status SetEpoch(uint64_t epoch) { return shard_.SetEpoch(epoch); }

  Shard& shard() { return shard_; }

 private:
  Shard& shard_;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_SHARD_PORT_H_
