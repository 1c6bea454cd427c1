#include "worker/train/local_step.h"

#include <utility>

#include "common/base/status.h"
#include "kernels/kernels.h"

namespace downpour {
namespace {

bool IsState(const ParameterSpec& parameter) { return parameter.role == ParameterSpec::Role::kState; }

}  // namespace

absl::StatusOr<std::unique_ptr<LocalStep>> LocalStep::Create(const LocalOptimizer& config,
                                                             const ScheduleConfig& schedule, const Network& network) {
  DP_ASSIGN_OR_RETURN(Schedule rates,
                      Schedule::Create(config.has_schedule() ? config.schedule() : schedule, config.learning_rate()));
  std::unique_ptr<LocalStep> step(new LocalStep(config, std::move(rates)));
  for (const Graph::Parameter& parameter : network.graph().parameters()) {
    const bool moves = config.momentum() > 0 && !IsState(*parameter.spec);
    step->velocity_.emplace_back(moves ? static_cast<size_t>(parameter.spec->elements) : 0);
  }
  return step;
}

UpdateScalars LocalStep::ScalarsOf(const ParameterSpec& parameter) const {
  UpdateScalars scalars;
  if (IsState(parameter)) {
    scalars.rate = 1;
    return scalars;
  }
  scalars.rate = static_cast<float>(schedule_.rate(step_) * parameter.learning_rate_multiplier);
  scalars.weight_decay = static_cast<float>(parameter.weight_decay.value_or(config_.weight_decay()));
  scalars.momentum = static_cast<float>(config_.momentum());
  return scalars;
}

void LocalStep::Apply(Network* network) {
  for (size_t p = 0; p < network->parameter_count(); ++p) {
    const std::span<float> weights = network->weights(p);
    UpdateArrays arrays;
    arrays.gradient = reinterpret_cast<const std::byte*>(network->gradient(p).data());
    arrays.weight_in = arrays.weight_out = weights.data();
    arrays.count = weights.size();
    UpdateRule rule = UpdateRule::kSgd;
    if (!velocity_[p].empty()) {
      rule = config_.nesterov() ? UpdateRule::kNesterov : UpdateRule::kMomentum;
      arrays.slot_in[0] = arrays.slot_out[0] = velocity_[p].data();
    }
    BestKernels().Update(rule, ScalarsOf(*network->graph().parameters()[p].spec), arrays);
  }
  network->WeightsChanged();
  ++step_;
}

}  // namespace downpour
