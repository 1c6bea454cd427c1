#include "worker/train/averaging_exchange.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/stopwatch.h"
#include "kernels/kernels.h"

namespace downpour {
namespace {

constexpr uint64_t kPeriodDefault = 16;
constexpr double kRhoDefault = 0.1;

}  // namespace

AveragingExchange::AveragingExchange(const Options& options, std::unique_ptr<LocalStep> local, PsClient* client,
                                     Network* network)
    : Exchange(client, network), options_(options), local_(std::move(local)) {
  for (const Graph::Parameter& parameter : network->graph().parameters()) {
    anchor_.emplace_back(static_cast<size_t>(parameter.spec->elements));
    pushed_.emplace_back(static_cast<size_t>(parameter.spec->elements));
  }
}

void AveragingExchange::CopyWeightsTo(std::vector<std::vector<float>>* copies) {
  copies->resize(network_->parameter_count());
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    const std::span<const float> weights = network_->weights(p);
    (*copies)[p].assign(weights.begin(), weights.end());
  }
}

absl::Status AveragingExchange::Begin() {
  if (!refetch_) return absl::OkStatus();
  DP_RETURN_IF_ERROR(PullAll());
  CopyWeightsTo(&anchor_);
  refetch_ = false;
  own_steps_ = 0;
  return absl::OkStatus();
}

absl::Status AveragingExchange::End() {
  local_->Apply(network_);
  ++clock_;
  ++own_steps_;
  return clock_ % options_.period == 0 ? Finish() : absl::OkStatus();
}

absl::Status AveragingExchange::Finish() {
  if (own_steps_ == 0) return absl::OkStatus();
  own_steps_ = 0;
  return options_.elastic_rho.has_value() ? ExchangeElastically() : ExchangeAverages();
}

absl::Status AveragingExchange::PushDifferences() {
  const Stopwatch watch(&times_.push);
  std::vector<Gradient> gradients;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    const std::span<const float> weights = network_->weights(p);
    std::copy(anchor_[p].begin(), anchor_[p].end(), pushed_[p].begin());
    BestKernels().Axpy(-1, weights.data(), pushed_[p].data(), pushed_[p].size());
    Gradient gradient;
    gradient.table = table(p);
    gradient.values = BytesOf(std::span<const float>(pushed_[p]));
    gradients.push_back(gradient);
  }
  pushes_.push_back(client_->Push(gradients, {.clock = clock_}));
  return absl::OkStatus();
}

absl::Status AveragingExchange::ExchangeAverages() {
  DP_RETURN_IF_ERROR(PushDifferences());
  refetch_ = true;
  const Stopwatch watch(&times_.pull);  // until all have pushed
  return FinishPushes(&pushes_);
}

absl::Status AveragingExchange::ExchangeElastically() {
  {
    const Stopwatch watch(&times_.pull);
    std::vector<Target> targets;
    for (size_t p = 0; p < network_->parameter_count(); ++p) {
      targets.push_back({.table = table(p), .memory = BytesOf(std::span<float>(anchor_[p]))});
    }
    const OperationHandle pull = client_->Pull(targets, {.clock = clock_});
    const OperationResult& result = client_->Wait(pull);
    if (!result.status.ok()) return Annotate(result.status, "pulling the centre");
    NotePull(result);
  }
  DP_RETURN_IF_ERROR(PushDifferences());
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    const std::span<float> weights = network_->weights(p);
    BestKernels().Axpy(static_cast<float>(*options_.elastic_rho), pushed_[p].data(), weights.data(), weights.size());
  }
  network_->WeightsChanged();
  const Stopwatch watch(&times_.push);
  return FinishPushes(&pushes_);
}

void AveragingExchange::KeepOwnWeights() { CopyWeightsTo(&kept_); }

void AveragingExchange::RestoreOwnWeights() {
  for (size_t p = 0; p < kept_.size(); ++p) {
    std::copy(kept_[p].begin(), kept_[p].end(), network_->weights(p).begin());
  }
  network_->WeightsChanged();
}

absl::StatusOr<std::unique_ptr<Exchange>> MakeAveragingExchange(const LoadedJob& job, PsClient* client,
                                                                Network* network) {
  const PolicyConfig& policy = job.config.policy();
  AveragingExchange::Options options;
  if (policy.has_elastic_averaging()) {
    const PolicyConfig::ElasticAveraging& elastic = policy.elastic_averaging();
    options.period = elastic.has_period() ? elastic.period() : kPeriodDefault;
    options.elastic_rho = elastic.has_rho() ? elastic.rho() : kRhoDefault;
  } else {
    const PolicyConfig::ModelAveraging& averaging = policy.model_averaging();
    options.period = averaging.has_local_steps() ? averaging.local_steps() : kPeriodDefault;
  }
  DP_ASSIGN_OR_RETURN(std::unique_ptr<LocalStep> local,
                      LocalStep::Create(job.config.replica().local(), job.config.optimizer().schedule(), *network));
  return std::make_unique<AveragingExchange>(options, std::move(local), client, network);
}

}  // namespace downpour
