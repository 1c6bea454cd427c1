#ifndef DOWNPOUR_SERVER_CONSISTENCY_ASYNC_POLICY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_ASYNC_POLICY_H_

#include "server/consistency/immediate_policy.h"

namespace downpour {

// Downpour SGD (Dean et al. 2012). Promise: nobody ever waits. Every push is applied at once, every pull answered at
// once; how often a worker does either (`fetch_every`, `push_every`) is its own affair.
class AsyncPolicy final : public ImmediatePolicy {
 public:
  AsyncPolicy() : ImmediatePolicy("async") {}
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_ASYNC_POLICY_H_
