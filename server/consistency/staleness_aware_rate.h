#ifndef DOWNPOUR_SERVER_CONSISTENCY_STALENESS_AWARE_RATE_H_
#define DOWNPOUR_SERVER_CONSISTENCY_STALENESS_AWARE_RATE_H_

#include <memory>
#include <utility>

#include "server/consistency/policy_decorator.h"

namespace downpour {

// The staleness-aware learning rate of Zhang et al. 2016, on top of a policy that applies pushes at once. Promise: a
// push of staleness s is applied with the learning rate divided by max(1, s). Has no state of its own: it can be turned
// on and off between a checkpoint and its loading.
class StalenessAwareRate final : public PolicyDecorator {
 public:
  explicit StalenessAwareRate(std::unique_ptr<Policy> inner) : PolicyDecorator(std::move(inner)) {}

  PushRuling OnPush(const PushFacts& push) override {
    PushRuling ruling = inner().OnPush(push);
    const uint64_t staleness = push.version_now > push.version_pulled ? push.version_now - push.version_pulled : 0;
    if (staleness > 1) ruling.rate_scale /= static_cast<float>(staleness);
    return ruling;
  }
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_STALENESS_AWARE_RATE_H_
