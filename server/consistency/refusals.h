#ifndef DOWNPOUR_SERVER_CONSISTENCY_REFUSALS_H_
#define DOWNPOUR_SERVER_CONSISTENCY_REFUSALS_H_

#include <string_view>

#include "absl/status/status.h"
#include "server/consistency/policy.h"

// What policies say when they refuse a push or a saved state, in the same words.

namespace downpour {

PushRuling RefuseNotLive(WorkerId worker);

// The saved state begins with another policy's name, or another version of the format.
absl::Status StateOfAnother(std::string_view policy, std::string_view state);

absl::Status StateDamaged(std::string_view policy);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_CONSISTENCY_REFUSALS_H_
