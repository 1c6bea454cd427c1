#ifndef DOWNPOUR_SERVER_CONSISTENCY_POLICY_WORLD_H_
#define DOWNPOUR_SERVER_CONSISTENCY_POLICY_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "common/base/philox.h"
#include "server/consistency/policy.h"

namespace downpour::testing {

// For tests: one policy and the workers around it, which keep to the protocol: join, pull, wait for the answer, push,
// pull again; and leave, die and join anew whenever the test says so. Does for the policy what a shard does, without
// data, and tells an observer of all that comes of it. Fails the test where a policy breaks what every policy promises
// (batches name held pushes, in order of worker; only live workers are answered; who keeps to the protocol is not
// refused).
class PolicyWorld {
 public:
  enum class State : uint8_t { kAbsent, kPulling, kComputing };
  struct Worker {
    State state = State::kAbsent;
    uint64_t clock = 0;           // its own
    uint64_t clock_shown = 0;     // the largest that the policy has heard from it
    uint64_t version_pulled = 0;  // of the last answer
    uint64_t answers = 0;         // since it joined
  };
  struct Held {
    PushFacts facts;
    bool worker_lives = true;
  };

  // What a test looks at. Calls come after the policy has been told.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void OnAnswer(const PolicyWorld&, WorkerId, const PullFacts&) {}
    virtual void OnApply(const PolicyWorld&, const PushFacts&, const PushRuling&) {}
    virtual void OnDrop(const PolicyWorld&, const PushFacts&) {}
    virtual void OnBatch(const PolicyWorld&, const std::vector<PushFacts>&, float /*scale*/) {}
    virtual void OnSettled(const PolicyWorld&) {}  // after each event, when nothing more comes of it
  };

  // `steps` from one push of a worker to the next. The observer outlives the world; may be null.
  PolicyWorld(std::unique_ptr<Policy> policy, uint32_t workers, uint64_t steps, Observer* observer);

  // ---- Events. Those that make no sense now (a push of a worker that waits for its pull) do nothing.
  void Join(WorkerId worker);
  void Leave(WorkerId worker);
  void Push(WorkerId worker);
  void RandomEvent(PhiloxStream& random);

  // Everybody who lives goes on until each has had three more answers; fails the test if somebody waits in vain.
  void ExpectLiveness();

  Policy& policy() const { return *policy_; }
  const std::vector<Worker>& workers() const { return workers_; }
  const std::map<uint64_t, Held>& held() const { return held_; }
  uint64_t version() const { return version_; }
  size_t LiveCount() const;
  uint64_t SlowestClock() const;  // of the live workers, as far as the policy has heard

  // Goes on with another policy, which must rule the same way from here on.
  std::unique_ptr<Policy> Replace(std::unique_ptr<Policy> policy);

 private:
  void Settle();

  std::unique_ptr<Policy> policy_;
  const uint64_t steps_;
  Observer* const observer_;
  std::vector<Worker> workers_;
  std::map<uint64_t, Held> held_;  // by push id
  uint64_t next_push_id_ = 1;
  uint64_t version_ = 0;
};

}  // namespace downpour::testing

#endif  // DOWNPOUR_SERVER_CONSISTENCY_POLICY_WORLD_H_
