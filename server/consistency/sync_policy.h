#ifndef DOWNPOUR_SERVER_CONSISTENCY_SYNC_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_SYNC_POLICY_H_

#include <cstddef>

#include "server/consistency/round_policy.h"

namespace downpour {

// Synchronous SGD with backup workers (Chen et al. 2016). Promise: each step applies the average of exactly `required`
// gradients (fewer only while fewer live workers are left to wait for), all computed from the weights of that step, and
// all workers that pull for a step get the same weights. Later gradients of the step are dropped. 0: all live workers.
class SyncPolicy final : public RoundPolicy {
 public:
  explicit SyncPolicy(size_t required) : RoundPolicy({.name = "sync", .steps = 1, .required = required}) {}
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_SYNC_POLICY_H_
