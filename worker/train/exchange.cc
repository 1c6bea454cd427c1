#include "worker/train/exchange.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/stopwatch.h"
#include "worker/train/averaging_exchange.h"
#include "worker/train/gradient_exchange.h"

namespace downpour {

Exchange::Exchange(PsClient* client, Network* network)
    : client_(client), network_(network), clock_(client->clock()), versions_(network->parameter_count()) {
  const std::shared_ptr<const ShardMap> map = client->shard_map();
  parameters_.resize(map->tables().size());
  for (size_t p = 0; p < network->parameter_count(); ++p) {
    const std::optional<TableIndex> table = map->FindTable(network->graph().parameters()[p].spec->name);
    tables_.push_back(table.value_or(0));
    parameters_[tables_.back()] = p;
  }
}

void Exchange::NotePull(const OperationResult& result) {
  for (const PulledTable& pulled : result.pulled) versions_[parameters_[pulled.table]] = pulled.versions;
  clock_ = result.clock;
}

absl::Status Exchange::PullAll() {
  const Stopwatch watch(&times_.pull);
  std::vector<Target> targets;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    targets.push_back({.table = table(p), .memory = BytesOf(network_->weights(p)), .priority = static_cast<int>(p)});
  }
  const OperationHandle pull = client_->Pull(targets, {.clock = clock_});
  const OperationResult& result = client_->Wait(pull);
  if (!result.status.ok()) return Annotate(result.status, "pulling weights");
  NotePull(result);
  network_->WeightsChanged();
  return absl::OkStatus();
}

absl::Status Exchange::FetchForEvaluation(bool average) {
  std::vector<Target> targets;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    targets.push_back({.table = table(p), .memory = BytesOf(network_->weights(p))});
  }
  // At a clock of 0 every policy has an answer: with its own a replica in the middle of a round would wait for the end
  // of that round, which waits for the replica.
  const OperationHandle pull = client_->Pull(targets, {.clock = 0, .want_average = average});
  const OperationResult& result = client_->Wait(pull);
  if (!result.status.ok()) return Annotate(result.status, "pulling weights to judge them");
  network_->WeightsChanged();
  return absl::OkStatus();
}

absl::Status Exchange::FinishPushes(std::vector<OperationHandle>* pushes) {
  if (pushes->empty()) return absl::OkStatus();
  absl::Status status;
  bool applied = false;
  bool dropped = false;
  uint64_t staleness = 0;
  for (const OperationHandle& push : *pushes) {
    const OperationResult& result = client_->Wait(push);
    if (!result.status.ok() && status.ok()) status = Annotate(result.status, "pushing gradients");
    for (const ShardOutcome& outcome : result.pushes) {
      dropped = dropped || outcome.fate == ShardFate::kDropped;
      if (outcome.fate != ShardFate::kApplied) continue;
      applied = true;
      staleness = std::max(staleness, outcome.staleness);
    }
  }
  pushes->clear();
  if (applied) {
    ++record_.staleness[staleness];
    ++record_.applied;
    record_.staleness_sum += staleness;
  }
  if (dropped) ++record_.dropped;
  return status;
}

absl::StatusOr<std::unique_ptr<Exchange>> MakeExchange(const LoadedJob& job, const ExchangeOptions& options,
                                                       PsClient* client, Network* network) {
  const std::shared_ptr<const ShardMap> map = client->shard_map();
  for (const Graph::Parameter& parameter : network->graph().parameters()) {
    const std::optional<TableIndex> table = map->FindTable(parameter.spec->name);
    if (!table.has_value() || map->tables()[*table].element_count != static_cast<uint64_t>(parameter.spec->elements)) {
      return absl::FailedPreconditionError(absl::StrCat("the servers have no table ", parameter.spec->name, " of ",
                                                        parameter.spec->elements,
                                                        " elements: they serve another model"));
    }
  }
  const PolicyConfig& policy = job.config.policy();
  if (policy.has_model_averaging() || policy.has_elastic_averaging()) {
    return MakeAveragingExchange(job, client, network);
  }
  return MakeGradientExchange(job, options, client, network);
}

}  // namespace downpour
