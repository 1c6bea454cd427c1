#include "server/optimizer/rule_settings.h"

#include <string>

#include "common/base/status.h"
#include "common/config/field_check.h"

namespace downpour {
namespace {

constexpr char kNoRule[] =
    "optimizer has no rule; give one of sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw, lamb, ftrl";

absl::StatusOr<RuleSettings> Read(const OptimizerConfig::Sgd& sgd) {
  RuleSettings settings = {.rule = UpdateRule::kSgd};
  settings.lr = sgd.has_learning_rate() ? sgd.learning_rate() : 1e-3;
  DP_RETURN_IF_ERROR(CheckField("optimizer.sgd.learning_rate", settings.lr, kNonNegative));
  return settings;
}

absl::StatusOr<RuleSettings> Read(const OptimizerConfig::Momentum& momentum) {
  RuleSettings settings = {.rule = UpdateRule::kMomentum, .slots = {{"velocity"}}};
  settings.lr = momentum.has_learning_rate() ? momentum.learning_rate() : 1e-3;
  settings.momentum = momentum.has_momentum() ? momentum.momentum() : 0.9;
  settings.dampening = momentum.dampening();
  DP_RETURN_IF_ERROR(CheckField("optimizer.momentum.learning_rate", settings.lr, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField("optimizer.momentum.momentum", settings.momentum, kShareKept));
  DP_RETURN_IF_ERROR(CheckField("optimizer.momentum.dampening", settings.dampening, kUnit));
  return settings;
}

absl::StatusOr<RuleSettings> Read(const OptimizerConfig::Nesterov& nesterov) {
  RuleSettings settings = {.rule = UpdateRule::kNesterov, .slots = {{"velocity"}}};
  settings.lr = nesterov.has_learning_rate() ? nesterov.learning_rate() : 1e-3;
  settings.momentum = nesterov.has_momentum() ? nesterov.momentum() : 0.9;
  DP_RETURN_IF_ERROR(CheckField("optimizer.nesterov.learning_rate", settings.lr, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField("optimizer.nesterov.momentum", settings.momentum, kShareKept));
  return settings;
}

absl::StatusOr<RuleSettings> Read(const OptimizerConfig::Adagrad& adagrad) {
  const double initial = adagrad.initial_accumulator_value();
  DP_RETURN_IF_ERROR(CheckField("optimizer.adagrad.initial_accumulator_value", initial, kNonNegative));
  RuleSettings settings = {.rule = UpdateRule::kAdagrad, .slots = {{"sum_of_squares", static_cast<float>(initial)}}};
  settings.lr = adagrad.has_learning_rate() ? adagrad.learning_rate() : 1e-2;
  settings.lr_decay = adagrad.learning_rate_decay();
  settings.eps = adagrad.has_eps() ? adagrad.eps() : 1e-10;
  DP_RETURN_IF_ERROR(CheckField("optimizer.adagrad.learning_rate", settings.lr, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField("optimizer.adagrad.learning_rate_decay", settings.lr_decay, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField("optimizer.adagrad.eps", settings.eps, kPositive));
  return settings;
}

absl::StatusOr<RuleSettings> Read(const OptimizerConfig::RmsProp& rmsprop) {
  RuleSettings settings = {.rule = UpdateRule::kRmsProp, .slots = {{"mean_square"}}};
  settings.lr = rmsprop.has_learning_rate() ? rmsprop.learning_rate() : 1e-2;
  settings.beta2 = rmsprop.has_alpha() ? rmsprop.alpha() : 0.99;
  settings.eps = rmsprop.has_eps() ? rmsprop.eps() : 1e-8;
  settings.momentum = rmsprop.momentum();
  settings.centered = rmsprop.centered();
  DP_RETURN_IF_ERROR(CheckField("optimizer.rmsprop.learning_rate", settings.lr, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField("optimizer.rmsprop.alpha", settings.beta2, kShareKept));
  DP_RETURN_IF_ERROR(CheckField("optimizer.rmsprop.eps", settings.eps, kPositive));
  DP_RETURN_IF_ERROR(CheckField("optimizer.rmsprop.momentum", settings.momentum, kShareKept));
  if (settings.momentum > 0) settings.slots.push_back({"velocity"});
  if (settings.centered) settings.slots.push_back({"mean"});
  return settings;
}

// Adam, AdamW and LAMB have the same four fields.
template <typename Moments>
absl::StatusOr<RuleSettings> ReadMoments(const std::string& path, const Moments& moments, UpdateRule rule,
                                         double default_eps) {
  RuleSettings settings = {.rule = rule, .slots = {{"first_moment"}, {"second_moment"}}};
  settings.lr = moments.has_learning_rate() ? moments.learning_rate() : 1e-3;
  settings.beta1 = moments.has_beta1() ? moments.beta1() : 0.9;
  settings.beta2 = moments.has_beta2() ? moments.beta2() : 0.999;
  settings.eps = moments.has_eps() ? moments.eps() : default_eps;
  DP_RETURN_IF_ERROR(CheckField(path + ".learning_rate", settings.lr, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField(path + ".beta1", settings.beta1, kShareKept));
  DP_RETURN_IF_ERROR(CheckField(path + ".beta2", settings.beta2, kShareKept));
  DP_RETURN_IF_ERROR(CheckField(path + ".eps", settings.eps, kPositive));
  return settings;
}

absl::StatusOr<RuleSettings> Read(const OptimizerConfig::Ftrl& ftrl) {
  const double initial = ftrl.initial_accumulator_value();
  DP_RETURN_IF_ERROR(CheckField("optimizer.ftrl.initial_accumulator_value", initial, kNonNegative));
  RuleSettings settings = {.rule = UpdateRule::kFtrl, .slots = {{"n", static_cast<float>(initial)}, {"z"}}};
  settings.lr = ftrl.has_learning_rate() ? ftrl.learning_rate() : 1e-3;
  settings.l1 = ftrl.l1();
  settings.l2 = ftrl.l2();
  settings.beta = ftrl.has_beta() ? ftrl.beta() : 1;
  DP_RETURN_IF_ERROR(CheckField("optimizer.ftrl.learning_rate", settings.lr, kPositive));
  DP_RETURN_IF_ERROR(CheckField("optimizer.ftrl.l1", settings.l1, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField("optimizer.ftrl.l2", settings.l2, kNonNegative));
  DP_RETURN_IF_ERROR(CheckField("optimizer.ftrl.beta", settings.beta, kNonNegative));
  // The denominator of the weight must not vanish for a gradient whose square does.
  DP_RETURN_IF_ERROR(CheckField("optimizer.ftrl.beta + l2 + initial_accumulator_value",
                                settings.beta + settings.l2 + initial, kPositive));
  return settings;
}

absl::StatusOr<RuleSettings> ReadRuleAlone(const OptimizerConfig& config) {
  switch (config.rule_case()) {
    case OptimizerConfig::kSgd:
      return Read(config.sgd());
    case OptimizerConfig::kMomentum:
      return Read(config.momentum());
    case OptimizerConfig::kNesterov:
      return Read(config.nesterov());
    case OptimizerConfig::kAdagrad:
      return Read(config.adagrad());
    case OptimizerConfig::kRmsprop:
      return Read(config.rmsprop());
    case OptimizerConfig::kAdam:
      return ReadMoments("optimizer.adam", config.adam(), UpdateRule::kAdam, 1e-8);
    case OptimizerConfig::kAdamw:
      return ReadMoments("optimizer.adamw", config.adamw(), UpdateRule::kAdam, 1e-8);
    case OptimizerConfig::kLamb:
      return ReadMoments("optimizer.lamb", config.lamb(), UpdateRule::kLambMoments, 1e-6);
    case OptimizerConfig::kFtrl:
      return Read(config.ftrl());
    case OptimizerConfig::RULE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(kNoRule);
}

}  // namespace

absl::StatusOr<RuleSettings> ReadRule(const OptimizerConfig& config) {
  DP_ASSIGN_OR_RETURN(RuleSettings settings, ReadRuleAlone(config));
  settings.decay_is_decoupled = config.has_adamw();
  const double default_decay = config.has_adamw() || config.has_lamb() ? 0.01 : 0;
  settings.weight_decay = config.has_weight_decay() ? config.weight_decay() : default_decay;
  DP_RETURN_IF_ERROR(CheckField("optimizer.weight_decay", settings.weight_decay, kNonNegative));
  return settings;
}

}  // namespace downpour
