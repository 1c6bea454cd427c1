#include "server/consistency/policy_factory.h"

#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "server/consistency/async_model_averaging_policy.h"
#include "server/consistency/async_policy.h"
#include "server/consistency/bounded_staleness_policy.h"
#include "server/consistency/elastic_averaging_policy.h"
#include "server/consistency/model_averaging_policy.h"
#include "server/consistency/staleness_aware_rate.h"
#include "server/consistency/sync_policy.h"
#include "server/consistency/warm_start.h"

namespace downpour {
namespace {

constexpr uint32_t kBoundDefault = 4;
constexpr uint32_t kLocalStepsDefault = 16;
constexpr double kRhoDefault = 0.1;
constexpr uint64_t kWarmStepsDefault = 1000;

absl::Status CheckPositive(std::string_view field, bool given, uint64_t value, std::string_view otherwise) {
  if (!given || value > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("policy.", ToAbsl(field), " is 0, but must be at least 1; ", ToAbsl(otherwise)));
}

absl::Status CheckRule(const PolicyConfig& config) {
  switch (config.rule_case()) {
    case PolicyConfig::kAsync:
      DP_RETURN_IF_ERROR(CheckPositive("async.fetch_every", config.async().has_fetch_every(),
                                       config.async().fetch_every(), "1 pulls after every step"));
      return CheckPositive("async.push_every", config.async().has_push_every(), config.async().push_every(),
                           "1 pushes after every step");
    case PolicyConfig::kSync:
      return CheckPositive("sync.required", config.sync().has_required(), config.sync().required(),
                           "leave it out to wait for all workers");
    case PolicyConfig::kModelAveraging:
      return CheckPositive("model_averaging.local_steps", config.model_averaging().has_local_steps(),
                           config.model_averaging().local_steps(), "1 exchanges after every step");
    case PolicyConfig::kElasticAveraging: {
      const PolicyConfig::ElasticAveraging& elastic = config.elastic_averaging();
      DP_RETURN_IF_ERROR(CheckPositive("elastic_averaging.period", elastic.has_period(), elastic.period(),
                                       "1 exchanges after every step"));
      const float rho = static_cast<float>(elastic.rho());
      if (elastic.has_rho() && !(rho > 0 && rho < 1)) {
        return absl::InvalidArgumentError(absl::StrCat("policy.elastic_averaging.rho is ", elastic.rho(),
                                                       ", but must be above 0 and below 1, such as 0.9 divided by the "
                                                       "number of workers"));
      }
      return absl::OkStatus();
    }
    case PolicyConfig::kBoundedStaleness:
    case PolicyConfig::RULE_NOT_SET:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

std::unique_ptr<Policy> MakeRule(const PolicyConfig& config) {
  switch (config.rule_case()) {
    case PolicyConfig::kBoundedStaleness: {
      const PolicyConfig::BoundedStaleness& rule = config.bounded_staleness();
      return std::make_unique<BoundedStalenessPolicy>(rule.has_bound() ? rule.bound() : kBoundDefault);
    }
    case PolicyConfig::kSync:
      return std::make_unique<SyncPolicy>(config.sync().required());
    case PolicyConfig::kModelAveraging: {
      const PolicyConfig::ModelAveraging& rule = config.model_averaging();
      if (rule.asynchronous()) return std::make_unique<AsyncModelAveragingPolicy>();
      return std::make_unique<ModelAveragingPolicy>(rule.has_local_steps() ? rule.local_steps() : kLocalStepsDefault);
    }
    case PolicyConfig::kElasticAveraging: {
      const PolicyConfig::ElasticAveraging& rule = config.elastic_averaging();
      return std::make_unique<ElasticAveragingPolicy>(rule.has_rho() ? rule.rho() : kRhoDefault);
    }
    case PolicyConfig::kAsync:
    case PolicyConfig::RULE_NOT_SET:
      break;
  }
  return std::make_unique<AsyncPolicy>();
}

}  // namespace

bool AppliesGradientsAlone(const PolicyConfig& config) {
  return config.rule_case() == PolicyConfig::kAsync || config.rule_case() == PolicyConfig::kBoundedStaleness ||
         config.rule_case() == PolicyConfig::RULE_NOT_SET;
}

bool HoldsPushes(const PolicyConfig& config) {
  return config.rule_case() == PolicyConfig::kSync ||
         (config.rule_case() == PolicyConfig::kModelAveraging && !config.model_averaging().asynchronous());
}

absl::Status CheckPolicyConfig(const PolicyConfig& config) {
  DP_RETURN_IF_ERROR(CheckRule(config));
  if (config.staleness_aware_rate() && !AppliesGradientsAlone(config)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy.staleness_aware_rate goes with async and bounded_staleness, which apply each gradient by "
        "itself, not with ",
        PolicyConfig::descriptor()->FindFieldByNumber(config.rule_case())->name(), "; take one of the two out"));
  }
  return CheckPositive("warm_start.steps", config.warm_start().has_steps(), config.warm_start().steps(),
                       "leave warm_start out for none");
}

absl::StatusOr<std::unique_ptr<Policy>> MakePolicy(const PolicyConfig& config) {
  DP_RETURN_IF_ERROR(CheckPolicyConfig(config));
  std::unique_ptr<Policy> policy = MakeRule(config);
  if (config.staleness_aware_rate()) policy = std::make_unique<StalenessAwareRate>(std::move(policy));
  if (config.has_warm_start()) {
    const PolicyConfig::WarmStart& warm = config.warm_start();
    policy = std::make_unique<WarmStart>(std::move(policy), warm.has_steps() ? warm.steps() : kWarmStepsDefault);
  }
  return policy;
}

}  // namespace downpour
