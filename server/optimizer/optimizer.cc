#include "server/optimizer/optimizer.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "absl/memory/memory.h"
#include "common/base/status.h"
#include "common/config/field_check.h"

namespace downpour {
namespace {

// In the denominator of clipping by norm, as torch.nn.utils.clip_grad_norm_.
constexpr double kClipNormEpsilon = 1e-6;

// FTRL's weights are proportional to its rate, not moved by it: a changing rate would scale them.
absl::Status CheckFtrlSchedule(const RuleSettings& settings, const Schedule& schedule) {
  if (settings.rule != UpdateRule::kFtrl || schedule.is_constant()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "optimizer.schedule changes the rate, which ftrl does not allow: its weights are proportional to learning_rate, "
      "and each "
      "coordinate's own rate falls by itself; leave the schedule and its warm-up out");
}

}  // namespace

Optimizer::Optimizer(RuleSettings settings, Schedule schedule)
    : settings_(std::move(settings)), schedule_(std::move(schedule)) {}

absl::StatusOr<std::unique_ptr<const Optimizer>> Optimizer::Create(const OptimizerConfig& config) {
  absl::StatusOr<std::unique_ptr<Optimizer>> optimizer = Make(config);
  if (!optimizer.ok()) return optimizer.status();
  return *std::move(optimizer);
}

absl::StatusOr<std::unique_ptr<Optimizer>> Optimizer::Make(const OptimizerConfig& config) {
  DP_ASSIGN_OR_RETURN(RuleSettings settings, ReadRule(config));
  DP_ASSIGN_OR_RETURN(Schedule schedule, Schedule::Create(config.schedule(), settings.lr));
  DP_RETURN_IF_ERROR(CheckFtrlSchedule(settings, schedule));
  auto optimizer = absl::WrapUnique(new Optimizer(std::move(settings), std::move(schedule)));
  if (config.clipping().has_by_value()) {
    optimizer->clip_value_ = config.clipping().by_value();
    DP_RETURN_IF_ERROR(CheckField("optimizer.clipping.by_value", *optimizer->clip_value_, kPositive));
  }
  if (config.clipping().has_by_table_norm()) {
    optimizer->clip_norm_ = config.clipping().by_table_norm();
    DP_RETURN_IF_ERROR(CheckField("optimizer.clipping.by_table_norm", *optimizer->clip_norm_, kPositive));
  }
  if (config.has_average()) {
    if (!config.average().has_decay()) {
      return absl::InvalidArgumentError("optimizer.average.decay is missing; give a number in [0, 1), such as 0.9999");
    }
    optimizer->average_decay_ = config.average().decay();
    DP_RETURN_IF_ERROR(CheckField("optimizer.average.decay", *optimizer->average_decay_, kShareKept));
  }
  if (config.has_delay_compensation()) {
    if (!config.delay_compensation().has_lambda()) {
      return absl::InvalidArgumentError(
          "optimizer.delay_compensation.lambda is missing; give a number in [0, inf), such as 0.04");
    }
    optimizer->delay_lambda_ = config.delay_compensation().lambda();
    DP_RETURN_IF_ERROR(CheckField("optimizer.delay_compensation.lambda", optimizer->delay_lambda_, kNonNegative));
  }
  return optimizer;
}

absl::StatusOr<std::unique_ptr<const Optimizer>> Optimizer::CreateForTable(const OptimizerConfig& config,
                                                                           const TableSpec& table) {
  OptimizerConfig of_table = config;
  if (table.is_state) {
    of_table.Clear();
    of_table.mutable_sgd()->set_learning_rate(1);
  } else if (table.weight_decay.has_value()) {
    of_table.set_weight_decay(*table.weight_decay);
  }
  absl::StatusOr<std::unique_ptr<Optimizer>> optimizer = Make(of_table);
  if (!optimizer.ok()) return optimizer.status();
  (*optimizer)->is_state_ = table.is_state;
  if (!table.is_state) {
    (*optimizer)->rate_multiplier_ = table.learning_rate_multiplier;
    (*optimizer)->settings_.lr *= table.learning_rate_multiplier;  // which only FTRL looks at from here on
  }
  return *std::move(optimizer);
}

double Optimizer::rate(uint64_t step) const {
  return rate_multiplier_ * schedule_.rate(step) / (1 + static_cast<double>(step) * settings_.lr_decay);
}

double Optimizer::ClipScale(const StepFacts& facts) const {
  if (!clip_norm_.has_value()) return 1;
  assert(facts.gradient_squared_norm.has_value());
  const double norm = std::sqrt(facts.gradient_squared_norm.value_or(0)) * std::fabs(facts.gradient_scale);
  return std::min(1.0, *clip_norm_ / (norm + kClipNormEpsilon));
}

UpdateScalars Optimizer::Prepare(const StepFacts& facts) const {
  const double updates = static_cast<double>(facts.step) + 1;  // this one included
  double rate = is_state_ ? 1 : this->rate(facts.step) * facts.rate_scale;
  double gradient_scale = facts.gradient_scale * ClipScale(facts);
  UpdateScalars scalars;
  scalars.weight_decay = static_cast<float>(settings_.weight_decay);
  if (settings_.decay_is_decoupled) {
    scalars.decay_factor = static_cast<float>(1 - rate * settings_.weight_decay);
    scalars.weight_decay = 0;
  }
  if (settings_.rule == UpdateRule::kAdam || settings_.rule == UpdateRule::kLambMoments) {
    const double correction1 = 1 - std::pow(settings_.beta1, updates);
    const double correction2 = 1 - std::pow(settings_.beta2, updates);
    scalars.denominator_scale = static_cast<float>(1 / std::sqrt(correction2));
    scalars.moment_scale = static_cast<float>(1 / correction1);
    if (settings_.rule == UpdateRule::kAdam) rate /= correction1;
  }
  if (settings_.rule == UpdateRule::kFtrl) {
    gradient_scale *= facts.rate_scale;
    rate = settings_.lr;
  }
  scalars.rate = static_cast<float>(rate);
  scalars.gradient_scale = static_cast<float>(gradient_scale);
  if (clip_value_.has_value()) scalars.clip_value = static_cast<float>(*clip_value_);
  scalars.delay_lambda = static_cast<float>(delay_lambda_);
  scalars.momentum = static_cast<float>(settings_.momentum);
  scalars.gradient_weight = facts.step == 0 ? 1 : static_cast<float>(1 - settings_.dampening);
  scalars.beta1 = settings_.beta1;
  scalars.beta2 = settings_.beta2;
  scalars.epsilon = static_cast<float>(settings_.eps);
  scalars.centered = settings_.centered;
  scalars.l1 = static_cast<float>(settings_.l1);
  scalars.l2 = static_cast<float>(settings_.l2);
  scalars.beta = static_cast<float>(settings_.beta);
  if (average_decay_.has_value()) scalars.average_decay = std::min(*average_decay_, (1 + updates) / (10 + updates));
  return scalars;
}

UpdateScalars WithTrustRatio(UpdateScalars moments, const LambNorms& norms) {
  const double weight = std::sqrt(norms.weight_squared);
  const double update = std::sqrt(norms.update_squared);
  if (weight > 0 && update > 0) moments.rate = static_cast<float>(moments.rate * (weight / update));
  return moments;
}

}  // namespace downpour
