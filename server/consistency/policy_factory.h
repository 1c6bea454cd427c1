#ifndef DOWNPOUR_SERVER_CONSISTENCY_POLICY_FACTORY_H_
#define DOWNPOUR_SERVER_CONSISTENCY_POLICY_FACTORY_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/policy.pb.h"
#include "server/consistency/policy.h"

namespace downpour {

// INVALID_ARGUMENT with a message that names the field, its value and what it may be.
absl::Status CheckPolicyConfig(const PolicyConfig& config);

// A fresh policy for one shard, or what CheckPolicyConfig says.
absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(const PolicyConfig& config);

// Whether the rule applies each gradient by itself, so that a push has a staleness of its own. What an optimizer's
// delay_compensation needs.
bool AppliesGradientsAlone(const PolicyConfig& config);

// Whether the rule may keep a push for later (PushVerdict::kHold).
bool HoldsPushes(const PolicyConfig& config);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_POLICY_FACTORY_H_
