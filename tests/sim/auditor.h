#ifndef DOWNPOUR_TESTS_SIM_AUDITOR_H_
#define DOWNPOUR_TESTS_SIM_AUDITOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/shard/shard.h"
#include "tests/sim/ledger.h"
#include "tests/sim/message.h"
#include "tests/sim/scenario.h"

namespace downpour::sim {

// Looks over the shoulder of one shard: sees every request that reaches it and all that comes back, knows what was
// meant by each push, and works out by itself what the shard's weights must be, bit for bit, and what its policy has
// promised. Knows nothing of what is inside. The first thing found wrong is kept; the run ends there.
//
// Holds at all times:
//   - a push is applied at most once, by an incarnation that is live (or left after the shard held the push), and what
//     is said of a push that is sent again is what has become of it;
//   - the weights of an answer are the sum of all pushes applied so far, and nothing else; the version counts them;
//   - members that are live are not refused, others are;
//   - the promise of the policy (docs/consistency.md).
class ShardAuditor {
 public:
  ShardAuditor(const Scenario& scenario, const Ledger& ledger, uint32_t shard);

  // ---- What the shard was asked, and what it said
  void OnEpoch(uint64_t epoch) { epoch_ = epoch; }
  void OnJoinClock(uint64_t clock);
  void OnJoin(const Message& join, const MembershipAnswer& answer);
  void OnLeave(const Message& leave, const Completions& completions);
  void OnPush(const Message& push, const PushAnswer& answer);
  void OnDamagedPush(const Message& push, const PushAnswer& answer);
  void OnPull(const Message& pull, const PullOutcome& outcome);

  // At the end of the run: the weights, the counters, and what the workers were told.
  void Finish(const Shard& shard);

  // Whether the shard holds the push, so that nobody may expect an answer to it yet.
  bool Holds(uint32_t coordinate) const { return fates_[coordinate] == Fate::kHeld; }

  // Of the weights at the present version.
  uint64_t Fingerprint();

  const std::string& violation() const { return violation_; }

 private:
  enum class Fate : uint8_t { kNone, kHeld, kApplied, kDropped, kFenced };
  struct Member {
    bool live = false;
    uint64_t incarnation = 0;
    uint64_t joined_in_round = 0;
    uint64_t clock = 0;        // the largest that was applied, or what it joined with
    bool answered = false;     // in this incarnation
    uint64_t answered_at = 0;  // the clock of the last answer
  };
  struct HeldPush {
    WorkerId worker;
    uint64_t incarnation;
    uint64_t sequence;
    uint32_t coordinate;
  };
  struct WaitingPull {
    WorkerId worker;
    uint64_t incarnation;
    uint64_t ticket;
    uint64_t clock;
  };
  struct Applied {
    uint64_t version;
    uint32_t coordinate;
    uint64_t staleness;
  };

  template <typename... Parts>
  void Fail(const Parts&... parts);

  bool IsMember(WorkerId worker, uint64_t incarnation) const {
    return members_[worker].live && members_[worker].incarnation == incarnation;
  }
  void CheckAdmission(const Message& request, RefusalReason reason);
  void CheckDuplicate(const Message& push, const PushOutcome& outcome);
  void CheckDrop(uint32_t coordinate);
  void OnCompletions(const Completions& completions);
  void OnPushCompletion(const PushCompletion& completion);
  void OnPullAnswer(WorkerId worker, uint64_t asked, const PullOutcome& outcome);
  void CheckNobodyWaitsInVain();
  void CheckWaitingPullsAreLive();

  // Takes the pushes that one call applied, version by version.
  void TakeApplied();
  void TakeUpdate(const Applied* begin, const Applied* end);
  void CheckRound(const Applied* begin, const Applied* end);

  uint64_t LiveCount() const;
  WorkerId FirstLive() const;
  // The smallest clock of those who live, but for `except`; none: that of the job.
  uint64_t SlowestClock(WorkerId except) const;
  uint64_t RoundOf(uint64_t clock) const { return (clock + facts_.steps - 1) / facts_.steps; }
  bool WarmingUp() const { return job_clock_ < facts_.warm_steps; }

  const PolicyFacts& facts_;
  const Ledger& ledger_;
  const uint32_t shard_;

  std::string violation_;
  uint64_t epoch_ = 1;
  uint64_t version_ = 0;
  uint64_t rounds_ = 0;         // finished, of a policy that goes by rounds
  uint64_t job_clock_ = 0;      // the largest that was applied
  uint64_t warm_clock_ = 0;     // that the warm start ended with
  uint64_t parting_clock_ = 0;  // of the last to leave when none was left
  uint64_t duplicates_ = 0;
  uint64_t applied_count_ = 0;
  uint64_t dropped_count_ = 0;
  uint64_t fenced_count_ = 0;
  std::vector<float> weights_;  // what they must be
  uint64_t fingerprint_ = 0;
  bool fingerprint_fresh_ = false;
  std::vector<Fate> fates_;  // by coordinate
  std::vector<Member> members_;
  std::vector<HeldPush> held_;
  std::vector<WaitingPull> waiting_;
  std::vector<Applied> applied_;  // during one call
};

}  // namespace downpour::sim

#endif  // DOWNPOUR_TESTS_SIM_AUDITOR_H_
