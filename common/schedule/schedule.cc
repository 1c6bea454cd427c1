#include "common/schedule/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/config/field_check.h"

namespace downpour {
namespace {

void WriteOutDefaults(ScheduleConfig* config) {
  if (config->has_exponential() && !config->exponential().has_decay_steps()) {
    config->mutable_exponential()->set_decay_steps(1);
  }
  if (config->has_step() && !config->step().has_gamma()) config->mutable_step()->set_gamma(0.1);
  if (config->has_polynomial() && !config->polynomial().has_power()) config->mutable_polynomial()->set_power(1);
  if (!config->warmup().has_start_factor()) config->mutable_warmup()->set_start_factor(1.0 / 3);
}

absl::Status Check(const ScheduleConfig::Exponential& exponential) {
  DP_RETURN_IF_ERROR(CheckField("optimizer.schedule.exponential.decay_rate", exponential.decay_rate(), kDecayFactor));
  return CheckAtLeast("optimizer.schedule.exponential.decay_steps", exponential.decay_steps(), 1);
}

absl::Status Check(const ScheduleConfig::Step& step) {
  DP_RETURN_IF_ERROR(CheckField("optimizer.schedule.step.gamma", step.gamma(), kDecayFactor));
  const bool has_milestones = step.milestones_size() > 0;
  if (step.has_step_size() && has_milestones) {
    return absl::InvalidArgumentError("optimizer.schedule.step has both step_size and milestones; give one of them");
  }
  if (!step.has_step_size() && !has_milestones) {
    return absl::InvalidArgumentError("optimizer.schedule.step has no step_size and no milestones; give one of them");
  }
  if (!has_milestones) return CheckAtLeast("optimizer.schedule.step.step_size", step.step_size(), 1);
  for (int i = 1; i < step.milestones_size(); ++i) {
    if (step.milestones(i) > step.milestones(i - 1)) continue;
    return absl::InvalidArgumentError(absl::StrCat("optimizer.schedule.step.milestones[", i, "] is ",
                                                   step.milestones(i), "; it must be greater than the one before it, ",
                                                   step.milestones(i - 1)));
  }
  return absl::OkStatus();
}

absl::Status Check(const ScheduleConfig::Cosine& cosine) {
  DP_RETURN_IF_ERROR(CheckAtLeast("optimizer.schedule.cosine.total_steps", cosine.total_steps(), 1));
  return CheckField("optimizer.schedule.cosine.final_rate", cosine.final_rate(), kNonNegative);
}

absl::Status Check(const ScheduleConfig::Polynomial& polynomial) {
  DP_RETURN_IF_ERROR(CheckAtLeast("optimizer.schedule.polynomial.total_steps", polynomial.total_steps(), 1));
  DP_RETURN_IF_ERROR(CheckField("optimizer.schedule.polynomial.final_rate", polynomial.final_rate(), kNonNegative));
  return CheckField("optimizer.schedule.polynomial.power", polynomial.power(), kPositive);
}

// How far `step` is on its way to `end`, in [0, 1].
double Progress(uint64_t step, uint64_t end) {
  return static_cast<double>(std::min(step, end)) / static_cast<double>(end);
}

double Exponent(const ScheduleConfig::Exponential& exponential, uint64_t step) {
  if (exponential.staircase()) return static_cast<double>(step / exponential.decay_steps());
  return static_cast<double>(step) / static_cast<double>(exponential.decay_steps());
}

double Jumps(const ScheduleConfig::Step& config, uint64_t step) {
  if (config.has_step_size()) return static_cast<double>(step / config.step_size());
  const auto& milestones = config.milestones();
  return static_cast<double>(std::upper_bound(milestones.begin(), milestones.end(), step) - milestones.begin());
}

}  // namespace

absl::StatusOr<Schedule> Schedule::Create(ScheduleConfig config, double base_rate) {
  WriteOutDefaults(&config);
  if (config.has_exponential()) DP_RETURN_IF_ERROR(Check(config.exponential()));
  if (config.has_step()) DP_RETURN_IF_ERROR(Check(config.step()));
  if (config.has_cosine()) DP_RETURN_IF_ERROR(Check(config.cosine()));
  if (config.has_polynomial()) DP_RETURN_IF_ERROR(Check(config.polynomial()));
  DP_RETURN_IF_ERROR(CheckField("optimizer.schedule.warmup.start_factor", config.warmup().start_factor(), kUnit));
  return Schedule(std::move(config), base_rate);
}

double Schedule::rate(uint64_t step) const {
  const double rate = RateWithoutWarmup(step);
  const auto& warmup = config_.warmup();
  if (step >= warmup.steps()) return rate;
  return rate * (warmup.start_factor() + (1 - warmup.start_factor()) * Progress(step, warmup.steps()));
}

double Schedule::RateWithoutWarmup(uint64_t step) const {
  switch (config_.kind_case()) {
    case ScheduleConfig::kExponential:
      return base_rate_ * std::pow(config_.exponential().decay_rate(), Exponent(config_.exponential(), step));
    case ScheduleConfig::kStep:
      return base_rate_ * std::pow(config_.step().gamma(), Jumps(config_.step(), step));
    case ScheduleConfig::kCosine: {
      const auto& cosine = config_.cosine();
      if (step >= cosine.total_steps()) return cosine.final_rate();
      const double left = (1 + std::cos(std::numbers::pi * Progress(step, cosine.total_steps()))) / 2;
      return cosine.final_rate() + (base_rate_ - cosine.final_rate()) * left;
    }
    case ScheduleConfig::kPolynomial: {
      const auto& polynomial = config_.polynomial();
      if (step >= polynomial.total_steps()) return polynomial.final_rate();
      const double left = std::pow(1 - Progress(step, polynomial.total_steps()), polynomial.power());
      return polynomial.final_rate() + (base_rate_ - polynomial.final_rate()) * left;
    }
    case ScheduleConfig::kConstant:
    case ScheduleConfig::KIND_NOT_SET:
      break;
  }
  return base_rate_;
}

bool Schedule::is_constant() const {
  const bool has_warmup = config_.warmup().steps() > 0 && config_.warmup().start_factor() != 1;
  const bool is_constant =
      config_.kind_case() == ScheduleConfig::kConstant || config_.kind_case() == ScheduleConfig::KIND_NOT_SET;
  return is_constant && !has_warmup;
}

}  // namespace downpour
