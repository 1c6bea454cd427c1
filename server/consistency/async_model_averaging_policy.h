#ifndef DOWNPOUR_SERVER_CONSISTENCY_ASYNC_MODEL_AVERAGING_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_ASYNC_MODEL_AVERAGING_POLICY_H_

#include "server/consistency/immediate_policy.h"

namespace downpour {

// Model averaging without rounds. Promise: nobody ever waits, and a difference moves the weights by 1/n of itself, n
// being the live workers at that moment: when each has pushed once, the average of their differences has been applied.
class AsyncModelAveragingPolicy final : public ImmediatePolicy {
 public:
  AsyncModelAveragingPolicy() : ImmediatePolicy("async_model_averaging") {}

 protected:
  float GradientScale() const override { return 1.0f / static_cast<float>(live().size()); }
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_ASYNC_MODEL_AVERAGING_POLICY_H_
