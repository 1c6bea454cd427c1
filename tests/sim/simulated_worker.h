#ifndef DOWNPOUR_TESTS_SIM_SIMULATED_WORKER_H_
#define DOWNPOUR_TESTS_SIM_SIMULATED_WORKER_H_

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "tests/sim/message.h"
#include "tests/sim/world.h"

namespace downpour::sim {

class SimulatedShard;

// A worker process as a good client would be: joins through the coordinator, pulls from all shards, computes for a
// while, pushes to all shards and pulls again; sends again under the same number what has no answer; joins anew when it
// is told that it was given up. It can stall, die, and be started again as another process with the same id.
class SimulatedWorker {
 public:
  SimulatedWorker(World& world, WorkerId id) : world_(world), id_(id) {}

  // ---- What happens to it
  void Start();
  void Kill();
  void StallUntil(Micros until) { stalled_until_ = until; }
  void set_comes_back() { comes_back_ = true; }
  // Stalls no longer, and starts now if it was to come back.
  void Heal();

  // ---- Events; those of an earlier process of the same id are of no concern
  void Deliver(Message message);
  void OnTimer(uint32_t life);
  void OnComputed(uint32_t life);

  bool running() const { return phase_ != Phase::kDead; }
  uint32_t life() const { return life_; }
  Micros stalled_until() const { return stalled_until_; }

  // Steps begun since the run was healed.
  uint64_t late_steps() const { return late_steps_; }

  // Whether every push has its answer, or waits in a shard for others.
  bool Settled(const std::vector<SimulatedShard>& shards) const;

  std::string Describe() const;

 private:
  enum class Phase : uint8_t { kDead, kJoining, kPulling, kComputing, kHeldUp };
  static constexpr size_t kShardsMax = 8;

  // A push without an answer from all shards.
  struct OpenPush {
    uint32_t coordinate = 0;
    uint64_t sequence = 0;
    uint64_t clock = 0;
    std::array<uint64_t, kShardsMax> versions = {};  // that were pulled, by shard
    uint32_t missing = 0;                            // shards, a bit for each
    Micros sent = 0;
  };

  void Join();
  void BeginPull();
  void BeginCompute();
  void EndStep();
  void SendPush(OpenPush& push);
  void SendDamaged(const OpenPush& push);
  void SendPull();
  void OnPushReply(const Message& reply);
  void OnPullReply(const Message& reply);
  // Whether the reason is dealt with by joining anew or by another epoch.
  void OnRefusal(const Message& reply);
  uint32_t AllShards() const { return (1u << world_.scenario.shards) - 1; }

  World& world_;
  const WorkerId id_;

  Phase phase_ = Phase::kDead;
  uint32_t life_ = 0;  // counts processes
  Micros stalled_until_ = 0;
  bool comes_back_ = false;
  uint64_t late_steps_ = 0;

  // ---- Of the process
  uint64_t attempt_ = 0;  // to join; never used twice
  uint64_t incarnation_ = 0;
  uint64_t epoch_ = 1;
  uint64_t clock_ = 0;
  uint64_t next_sequence_ = 1;
  std::deque<OpenPush> open_;
  std::array<uint64_t, kShardsMax> versions_ = {};  // of the weights at hand

  // ---- Of the pull under way
  uint64_t ticket_ = 0;
  uint32_t missing_ = 0;  // shards that have not answered, a bit for each
  uint64_t answer_clock_ = 0;
  Micros pull_sent_ = 0;
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_SIMULATED_WORKER_H_
