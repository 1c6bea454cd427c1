#ifndef DOWNPOUR_SERVER_CONSISTENCY_MODEL_AVERAGING_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_MODEL_AVERAGING_POLICY_H_

#include <cstdint>

#include "server/consistency/round_policy.h"

namespace downpour {

// Model averaging in rounds of `local_steps` steps (McDonald et al. 2010; with a Nesterov outer optimizer DiLoCo,
// Douillard et al. 2023). Promise: a round applies the average of the differences of all live workers, once each, and
// all of them begin the next round from the same weights.
class ModelAveragingPolicy final : public RoundPolicy {
 public:
  explicit ModelAveragingPolicy(uint64_t local_steps)
      : RoundPolicy({.name = "model_averaging", .steps = local_steps, .required = 0}) {}
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_MODEL_AVERAGING_POLICY_H_
