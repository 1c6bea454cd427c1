#include "cli/load_whole_job.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "server/consistency/policy_factory.h"
#include "server/optimizer/optimizer.h"
#include "worker/train/shipped_job.h"

namespace downpour {
namespace {

// The servers' complaints begin with the field: "policy.sync.required is 0, ...".
absl::Status Placed(const LoadedJob& job, const absl::Status& status) {
  if (status.ok()) return status;
  const std::string_view message = ToStd(status.message());
  return Annotate(status, job.origins.Place(message.substr(0, message.find(' '))));
}

absl::Status CheckTogether(const LoadedJob& job) {
  const OptimizerConfig& optimizer = job.config.optimizer();
  const PolicyConfig& policy = job.config.policy();
  if (optimizer.has_delay_compensation() && !AppliesGradientsAlone(policy)) {
    return job.Wrong("optimizer.delay_compensation",
                     "needs a policy that applies each gradient by itself: async or bounded_staleness");
  }
  if (policy.has_elastic_averaging() && !(optimizer.has_sgd() && optimizer.sgd().learning_rate() == 1)) {
    return job.Wrong("policy.elastic_averaging",
                     "needs optimizer { sgd { learning_rate: 1 } }: the policy says how far both move");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadedJob> LoadWholeJob(const std::string& file, std::span<const std::string> overrides) {
  DP_ASSIGN_OR_RETURN(LoadedJob job, LoadJobOrShipped(file, overrides));
  DP_RETURN_IF_ERROR(Placed(job, Optimizer::Create(job.config.optimizer()).status()));
  DP_RETURN_IF_ERROR(Placed(job, CheckPolicyConfig(job.config.policy())));
  DP_RETURN_IF_ERROR(CheckTogether(job));
  return job;
}

}  // namespace downpour
