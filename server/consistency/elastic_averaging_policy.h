#ifndef DOWNPOUR_SERVER_CONSISTENCY_ELASTIC_AVERAGING_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_ELASTIC_AVERAGING_POLICY_H_

#include "server/consistency/immediate_policy.h"

namespace downpour {

// Elastic averaging, asynchronous EASGD (Zhang, Choromanska and LeCun 2015). Promise: nobody ever waits, and the centre
// (the weights here) moves by exactly `rho` of the difference that a worker pushed, which is as much as the worker
// moves the other way. The optimizer must be SGD with rate 1.
class ElasticAveragingPolicy final : public ImmediatePolicy {
 public:
  explicit ElasticAveragingPolicy(float rho) : ImmediatePolicy("elastic_averaging"), rho_(rho) {}

 protected:
  float GradientScale() const override { return rho_; }

 private:
  const float rho_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_ELASTIC_AVERAGING_POLICY_H_
