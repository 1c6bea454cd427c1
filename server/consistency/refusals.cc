#include "server/consistency/refusals.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"

namespace downpour {
namespace {

constexpr size_t kQuotedMax = 40;

}  // namespace

PushRuling RefuseNotLive(WorkerId worker) {
  return {.verdict = PushVerdict::kRefuse,
          .reason = absl::StrCat("worker ", worker, " has not joined, or was given up for dead; join again")};
}

absl::Status StateOfAnother(std::string_view policy, std::string_view state) {
  const std::string_view line = state.substr(0, std::min(state.find('\n'), kQuotedMax));
  return absl::InvalidArgumentError(
      absl::StrCat("the saved state of the consistency policy begins with \"", absl::CEscape(ToAbsl(line)),
                   "\", but the job's policy is ", ToAbsl(policy),
                   "; start the job with the policy that it was saved under, or from a checkpoint of this one"));
}

absl::Status StateDamaged(std::string_view policy) {
  return absl::DataLossError(absl::StrCat("the saved state of the consistency policy ", ToAbsl(policy),
                                          " is damaged; use another checkpoint"));
}

}  // namespace downpour
