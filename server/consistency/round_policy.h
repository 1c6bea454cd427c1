#ifndef DOWNPOUR_SERVER_CONSISTENCY_ROUND_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_ROUND_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/consistency/live_workers.h"
#include "server/consistency/policy.h"

namespace downpour {

// What the policies that go round by round have in common. A round is `steps` steps of every worker's clock; one round
// is open at a time. Its pushes are held until enough are there, then averaged into one update, which finishes it.
//
//   push   for a finished round: dropped, it is late. For the open round: held, one of each worker. Further ahead, or a
//          second one: refused.
//   pull   at clock c: answered once the round that ends with step c is finished; a newcomer's: once the next one is.
//   due    when `required` pushes are held, or all that can still come: those held and those of live members.
//   join   a newcomer: a member from the next round on, so that nobody who is in the middle of a round waits for it.
//          While nobody is established (has pushed to a finished round since it joined), as at the start of a job, all
//          are members at once.
//   leave  the round stops waiting for the worker; what it has pushed stays in.
//
// Why several shards do not block each other though each decides alone: a worker takes a step only when all its shards
// have finished the one before, so shards are at most one round apart, and those who finished a round on one shard have
// pushed it to the others too. A late worker goes on from the smallest AnswerClock, so it helps the last shard along. A
// worker that joins may be a newcomer at some shards and awaited at others. It comes with the smallest JoinClock of all
// shards, so it waits as a newcomer only at shards that have finished no round since and where somebody is established;
// that one has been there all the while, so nobody whom those shards await came in the same round and waits elsewhere.
class RoundPolicy : public Policy {
 public:
  void WorkerJoined(WorkerId worker, uint64_t clock) override;
  void WorkerLeft(WorkerId worker) override;
  uint64_t JoinClock() const override { return finished_ * steps_; }
  PushRuling OnPush(const PushFacts& push) override;
  std::optional<PushBatch> TakeReady() override;
  std::vector<uint64_t> TakeDropped() override;
  bool MayAnswer(const PullFacts& pull) const override;
  uint64_t AnswerClock(const PullFacts& pull) const override;
  std::string Save() const override;
  absl::Status Restore(std::string_view state) override;

 protected:
  struct Options {
    std::string_view name;  // marks the saved state; outlives the policy
    uint64_t steps = 1;     // of a round, at least 1
    size_t required = 0;    // pushes that finish a round; 0: those of all members
  };
  explicit RoundPolicy(const Options& options)
      : name_(options.name), steps_(options.steps), required_(options.required) {}

 private:
  enum Seat : uint8_t {
    kAwaited,   // a member of the open round that has not pushed
    kPushed,    // has a push in the open round
    kNewcomer,  // a member from the next round on, and held back until then
    kGuest,     // a newcomer that has pushed, too late: a member from the next round on, but not held back
  };
  // What LiveWorkers keeps of each: its seat, and whether it is established.
  static constexpr uint8_t kEstablished = 4;
  static Seat SeatOf(const LiveWorkers::Worker& worker) { return static_cast<Seat>(worker.mark & 3); }
  struct Held {
    WorkerId worker;
    uint64_t push_id;
  };

  // The round that ends with the step `clock` or contains it; rounds count from 1.
  uint64_t RoundOf(uint64_t clock) const { return clock / steps_ + (clock % steps_ != 0); }
  bool Due() const;
  void SeatAll();
  void SeatAllIfNobodyIsEstablished();
  void Sit(const LiveWorkers::Worker& worker, Seat seat) {
    live_.SetMark(worker.id, (worker.mark & kEstablished) | seat);
  }
  PushRuling Refuse(const PushFacts& push, uint64_t round) const;

  const std::string_view name_;
  const uint64_t steps_;
  const size_t required_;

  uint64_t finished_ = 0;   // rounds
  LiveWorkers live_;        // clocks are not used
  size_t awaited_ = 0;      // live workers marked kAwaited
  std::vector<Held> held_;  // of the open round, in ascending order of worker; some may have left
  std::vector<uint64_t> dropped_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_ROUND_POLICY_H_
