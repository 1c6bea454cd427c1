#ifndef DOWNPOUR_SERVER_CONSISTENCY_LIVE_WORKERS_H_
#define DOWNPOUR_SERVER_CONSISTENCY_LIVE_WORKERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/consistency/policy.h"
#include "server/consistency/policy_state.h"

namespace downpour {

// The live workers of a shard and the clock of each: what every policy keeps. A worker's clock is the largest that a
// push of it has carried. Finding the smallest clock costs nothing; a thousand workers are no trouble.
class LiveWorkers {
 public:
  struct Worker {
    WorkerId id = 0;
    uint64_t clock = 0;
    uint8_t mark = 0;  // what the policy notes of the worker; 0 when it joins
  };

  // Adds the worker, or sets its clock and clears its mark if it is there.
  void Join(WorkerId id, uint64_t clock);

  // False if it was not there.
  bool Leave(WorkerId id);

  // Moves the worker's clock on to `clock`; never back. False if it is not there.
  bool Advance(WorkerId id, uint64_t clock);

  bool Contains(WorkerId id) const { return Find(id) != nullptr; }
  const Worker* Find(WorkerId id) const;
  void SetMark(WorkerId id, uint8_t mark);

  // The smallest clock; while nobody lives, the one that the last to leave had reached (0 at first).
  uint64_t min_clock() const { return min_clock_; }

  // Whether all but `id` have come to `clock`.
  bool OthersReached(WorkerId id, uint64_t clock) const;

  size_t size() const { return workers_.size(); }
  bool empty() const { return workers_.empty(); }
  const std::vector<Worker>& workers() const { return workers_; }  // in ascending order of id

  void Save(PolicyStateWriter& state) const;
  // Reads what Save wrote; a mark above `mark_max` is damage. True if all was well; otherwise this is garbage.
  bool Restore(PolicyStateReader& state, uint8_t mark_max);

 private:
  Worker* FindMutable(WorkerId id);
  void FindMin();

  std::vector<Worker> workers_;
  uint64_t min_clock_ = 0;
  size_t at_min_ = 0;  // how many have exactly the smallest clock
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_LIVE_WORKERS_H_
