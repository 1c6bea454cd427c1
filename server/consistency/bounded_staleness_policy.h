#ifndef DOWNPOUR_SERVER_CONSISTENCY_BOUNDED_STALENESS_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_BOUNDED_STALENESS_POLICY_H_

#include <cstdint>

#include "server/consistency/immediate_policy.h"

namespace downpour {

// Stale synchronous parallel (Ho et al. 2013). Promise: no pull is answered that is more than `bound` steps ahead of
// the slowest live worker, and none waits once that holds; so the weights that a worker gets at clock c hold every
// push of every live worker up to clock c - bound. Pushes are applied at once. The slowest worker never waits.
//
// A worker's clock is the largest that its pushes have carried: it must push at every step (an empty gradient says that
// it is there), and a step whose push was refused does not count.
class BoundedStalenessPolicy final : public ImmediatePolicy {
 public:
  explicit BoundedStalenessPolicy(uint64_t bound) : ImmediatePolicy("bounded_staleness"), bound_(bound) {}

  bool MayAnswer(const PullFacts& pull) const override {
    return live().Contains(pull.worker) &&
           (pull.clock <= bound_ || live().OthersReached(pull.worker, pull.clock - bound_));
  }

 private:
  const uint64_t bound_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_BOUNDED_STALENESS_POLICY_H_
