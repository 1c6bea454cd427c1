#ifndef DOWNPOUR_TESTS_SIM_COORDINATOR_H_
#define DOWNPOUR_TESTS_SIM_COORDINATOR_H_

#include <cstdint>
#include <vector>

#include "tests/sim/message.h"
#include "tests/sim/world.h"

namespace downpour::sim {

// Decides who takes part: gives incarnations, tells all shards of joins before the worker hears that it is in, removes
// whom it has not heard of for a while, hands out new shard-map epochs. Sends everything until it is acknowledged. A
// shard hears of a leave only after it has acknowledged the join, or else a join that was late would bring back a dead
// worker that nobody removes.
class Coordinator {
 public:
  explicit Coordinator(World& world) : world_(world), workers_(world.scenario.workers) {}

  void Deliver(const Message& message);
  void OnTimer();
  void NewEpoch();

 private:
  enum class Phase : uint8_t { kOut, kAskingClocks, kJoining, kIn };
  // An incarnation that shards have been told of.
  struct Told {
    uint64_t incarnation = 0;  // 0: none
    uint64_t clock = 0;
    uint32_t missing = 0;  // acknowledgements, a bit for each shard
  };
  struct Worker {
    Phase phase = Phase::kOut;
    uint64_t attempt = 0;
    uint64_t incarnation = 0;
    uint64_t clock = 0;           // the smallest that shards have named
    uint32_t clocks_missing = 0;  // a bit for each shard
    Told told;                    // the last; fences those before
    Micros heard = 0;
  };
  // What is given up: per shard first the join, if it has not been acknowledged, then the leave.
  struct Removal {
    WorkerId worker;
    Told told;
    uint32_t leaves_missing;
  };

  void OnJoinAsk(const Message& message);
  void Remove(WorkerId id);
  void SendTo(uint32_t shards, MessageType type, WorkerId worker, uint64_t incarnation, uint64_t clock);
  void Answer(WorkerId id);
  uint32_t AllShards() const { return (1u << world_.scenario.shards) - 1; }

  World& world_;
  uint64_t epoch_ = 1;
  uint32_t epoch_missing_ = 0;
  std::vector<Worker> workers_;
  std::vector<Removal> removals_;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_COORDINATOR_H_
