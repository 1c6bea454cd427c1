#ifndef DOWNPOUR_TESTS_SIM_SIMULATED_SHARD_H_
#define DOWNPOUR_TESTS_SIM_SIMULATED_SHARD_H_

#include <memory>

#include "server/shard/shard.h"
#include "tests/sim/auditor.h"
#include "tests/sim/message.h"
#include "tests/sim/shard_port.h"
#include "tests/sim/world.h"

namespace downpour::sim {

// A real shard on a simulated server: unpacks messages, calls the shard, shows the auditor what was asked and said, and
// sends the answers. All that stands between is the port, straight unless a bug is planted there.
class SimulatedShard {
 public:
  // `pool` outlives it.
  SimulatedShard(World& world, uint32_t index, BlockPool& pool);

  // Whatever is sent to shards.
  void Deliver(const Message& message);

  // Checks what only the end of a run can tell.
  void Finish();

  const ShardAuditor& auditor() const { return auditor_; }
  ShardCounters counters() const { return shard_->counters(); }

 private:
  void Push(const Message& message);
  void Pull(const Message& message);
  void SendPush(WorkerId worker, uint64_t incarnation, uint64_t sequence, const PushOutcome& outcome);
  void SendPull(WorkerId worker, uint64_t incarnation, uint64_t ticket, PullOutcome outcome);
  void SendCompletions(Completions completions);
  Message Reply(MessageType type, const Message& to) const;

  World& world_;
  const uint32_t index_;
  uint64_t epoch_ = 1;
  std::unique_ptr<Shard> shard_;
  std::unique_ptr<ShardPort> port_;
  ShardAuditor auditor_;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_SIMULATED_SHARD_H_
