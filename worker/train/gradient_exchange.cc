#include "worker/train/gradient_exchange.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "common/base/stopwatch.h"
#include "common/tensor/wire_dtype.h"
#include "kernels/kernels.h"

namespace downpour {

GradientExchange::GradientExchange(const Options& options, std::unique_ptr<LocalStep> local, PsClient* client,
                                   Network* network)
    : Exchange(client, network),
      options_(options),
      local_(std::move(local)),
      streaming_(options.push_every == 1 && !options.clip_global_norm.has_value() && options.virtual_replicas <= 1),
      copies_(!options.carrier_is_inline || options.push_dtype != DType::kFloat32) {
  first_element_.push_back(0);
  for (const Graph::Parameter& parameter : network->graph().parameters()) {
    first_element_.push_back(first_element_.back() + static_cast<size_t>(parameter.spec->elements));
  }
}

absl::Status GradientExchange::Allocate(size_t element_bytes, AlignedBuffer* memory) const {
  if (memory->size() > 0) return absl::OkStatus();
  DP_ASSIGN_OR_RETURN(*memory, AlignedBuffer::Allocate(first_element_.back() * element_bytes));
  return absl::OkStatus();
}

std::span<std::byte> GradientExchange::PartOf(const AlignedBuffer& memory, size_t parameter,
                                              size_t element_bytes) const {
  const size_t count = first_element_[parameter + 1] - first_element_[parameter];
  return memory.bytes().subspan(first_element_[parameter] * element_bytes, count * element_bytes);
}

std::span<float> GradientExchange::FloatsOf(const AlignedBuffer& memory, size_t parameter) const {
  const std::span<std::byte> part = PartOf(memory, parameter, sizeof(float));
  return {reinterpret_cast<float*>(part.data()), part.size() / sizeof(float)};
}

void GradientExchange::Forget() {
  for (std::vector<OperationHandle>& pushes : pushes_) pushes.clear();
  fetches_.clear();
  late_.clear();
  steps_since_push_ = 0;
}

// Weights that were asked for behind the pushes of the step before.
absl::Status GradientExchange::TakeFetched() {
  const Stopwatch watch(&times_.pull);
  absl::Status status;
  uint64_t clock = 0;
  for (size_t i = 0; i < fetches_.size(); ++i) {
    const OperationResult& result = client_->Wait(fetches_[i]);
    if (!result.status.ok() && status.ok()) status = Annotate(result.status, "pushing gradients and pulling weights");
    if (result.status.ok()) NotePull(result);
    clock = i == 0 ? clock_ : std::min(clock, clock_);
  }
  fetches_.clear();
  DP_RETURN_IF_ERROR(status);
  clock_ = clock;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    const std::span<float> weights = FloatsOf(fetched_, p);
    std::memcpy(network_->weights(p).data(), weights.data(), weights.size_bytes());
  }
  network_->WeightsChanged();
  return absl::OkStatus();
}

void GradientExchange::Fetched() {
  steps_since_fetch_ = 0;
  // Its steps go on in the schedule where the servers' updates are.
  if (local_ != nullptr) local_->GoTo(versions_.front().front());
}

absl::Status GradientExchange::Begin() {
  if (copies_) {
    DP_RETURN_IF_ERROR(Allocate(DTypeSize(options_.push_dtype), &sent_[0]));
    DP_RETURN_IF_ERROR(Allocate(DTypeSize(options_.push_dtype), &sent_[1]));
  }
  if (!options_.carrier_is_inline && streaming_) DP_RETURN_IF_ERROR(Allocate(sizeof(float), &fetched_));
  if (!fetches_.empty()) {
    DP_RETURN_IF_ERROR(TakeFetched());
    Fetched();
  } else if (refetch_ || steps_since_fetch_ >= options_.fetch_every) {
    DP_RETURN_IF_ERROR(PullAll());
    Fetched();
  }
  refetch_ = false;
  turn_ ^= 1;
  const Stopwatch watch(&times_.push);
  if (!copies_) DP_RETURN_IF_ERROR(FinishPushes(&pushes_[turn_ ^ 1]));
  return FinishPushes(&pushes_[turn_]);
}

Gradient GradientExchange::MakeGradient(size_t parameter, std::span<const float> values) {
  Gradient gradient;
  gradient.table = table(parameter);
  gradient.priority = static_cast<int>(parameter);
  if (!copies_) {
    gradient.values = BytesOf(values);
    return gradient;
  }
  const std::span<std::byte> to = PartOf(sent_[turn_], parameter, DTypeSize(options_.push_dtype));
  if (options_.push_dtype == DType::kFloat32) {
    std::memcpy(to.data(), values.data(), to.size());
  } else {
    BestKernels().FromFloat(values.data(), options_.push_dtype, to.data(), values.size());
  }
  gradient.dtype = options_.push_dtype;
  gradient.values = {to.data(), to.size()};
  return gradient;
}

void GradientExchange::GradientReady(size_t parameter) {
  if (!streaming_) return;
  const Stopwatch watch(&times_.push);
  const Gradient gradient = MakeGradient(parameter, network_->gradient(parameter));
  const OperationOptions options = {.clock = clock_ + 1};
  if (options_.carrier_is_inline || steps_since_fetch_ + 1 < options_.fetch_every) {
    pushes_[turn_].push_back(client_->Push({gradient}, options));
    return;
  }
  const Target target = {.table = table(parameter),
                         .memory = BytesOf(FloatsOf(fetched_, parameter)),
                         .priority = static_cast<int>(parameter)};
  pushes_[turn_].push_back(client_->PushPull({gradient}, {target}, options));
  fetches_.push_back(pushes_[turn_].back());
}

// As torch.nn.utils.clip_grad_norm_; statistics are no gradients.
void GradientExchange::Clip() {
  double squares = 0;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    const std::span<const float> gradient = network_->gradient(p);
    if (is_state(p)) continue;
    squares += BestKernels().SquaredNorm(reinterpret_cast<const std::byte*>(gradient.data()), DType::kFloat32,
                                         gradient.size());
  }
  const double scale = *options_.clip_global_norm / (std::sqrt(squares) + 1e-6);
  // A norm that is not finite clips nothing: the server refuses the push, and says of what.
  if (!(scale < 1)) return;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    const std::span<float> gradient = network_->gradient(p);
    if (!is_state(p)) BestKernels().Scale(static_cast<float>(scale), gradient.data(), gradient.size());
  }
}

// Of the network's gradients where `memory` is null.
absl::Status GradientExchange::PushAll(const AlignedBuffer* memory,
                                       const std::vector<absl::InlinedVector<uint64_t, 1>>* versions) {
  std::vector<Gradient> gradients;
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    gradients.push_back(MakeGradient(p, memory != nullptr ? FloatsOf(*memory, p) : network_->gradient(p)));
    if (versions != nullptr) gradients.back().versions = (*versions)[p];
  }
  pushes_[turn_].push_back(client_->Push(gradients, {.clock = clock_}));
  return absl::OkStatus();
}

// The oldest of those that are kept back.
absl::Status GradientExchange::PushLate() {
  Gradients& oldest = late_.front();
  DP_RETURN_IF_ERROR(PushAll(&oldest.memory, &oldest.versions));
  DP_RETURN_IF_ERROR(FinishPushes(&pushes_[turn_]));
  unused_.push_back(std::move(oldest));
  late_.pop_front();
  return absl::OkStatus();
}

absl::Status GradientExchange::End() {
  const Stopwatch watch(&times_.push);
  ++clock_;
  ++steps_since_fetch_;
  if (options_.clip_global_norm.has_value()) Clip();
  if (local_ != nullptr && steps_since_fetch_ < options_.fetch_every) local_->Apply(network_);
  if (streaming_) return absl::OkStatus();
  ++steps_since_push_;
  const AlignedBuffer* source = nullptr;
  if (options_.push_every > 1) {
    DP_RETURN_IF_ERROR(Allocate(sizeof(float), &sum_));
    // The sum that is on its way must not change.
    if (steps_since_push_ == 1 && !copies_) DP_RETURN_IF_ERROR(FinishPushes(&pushes_[turn_]));
    for (size_t p = 0; p < network_->parameter_count(); ++p) {
      const std::span<float> sum = FloatsOf(sum_, p);
      const std::span<const float> gradient = network_->gradient(p);
      if (steps_since_push_ == 1) {
        std::memcpy(sum.data(), gradient.data(), gradient.size_bytes());
      } else {
        BestKernels().Axpy(1, gradient.data(), sum.data(), sum.size());
      }
    }
    if (steps_since_push_ < options_.push_every) return absl::OkStatus();
    source = &sum_;
  }
  steps_since_push_ = 0;
  if (options_.virtual_replicas <= 1 || clock_ <= options_.warm_start_steps) return PushAll(source);

  Gradients late;
  if (!unused_.empty()) {
    late = std::move(unused_.back());
    unused_.pop_back();
  }
  DP_RETURN_IF_ERROR(Allocate(sizeof(float), &late.memory));
  for (size_t p = 0; p < network_->parameter_count(); ++p) {
    const std::span<const float> from = source != nullptr ? FloatsOf(*source, p) : network_->gradient(p);
    std::memcpy(FloatsOf(late.memory, p).data(), from.data(), from.size_bytes());
  }
  late.versions = versions_;
  late_.push_back(std::move(late));
  return late_.size() < options_.virtual_replicas ? absl::OkStatus() : PushLate();
}

absl::Status GradientExchange::Settle() {
  // The weights that follow the pushes are there too then, and stay for the next step.
  for (std::vector<OperationHandle>& pushes : pushes_) DP_RETURN_IF_ERROR(FinishPushes(&pushes));
  return absl::OkStatus();
}

absl::Status GradientExchange::Finish() {
  DP_RETURN_IF_ERROR(Settle());
  if (steps_since_push_ > 0) {
    steps_since_push_ = 0;
    DP_RETURN_IF_ERROR(PushAll(&sum_));
  }
  while (!late_.empty()) DP_RETURN_IF_ERROR(PushLate());
  return Settle();
}

absl::StatusOr<std::unique_ptr<Exchange>> MakeGradientExchange(const LoadedJob& job, const ExchangeOptions& options,
                                                               PsClient* client, Network* network) {
  const ReplicaConfig& replica = job.config.replica();
  GradientExchange::Options exchange;
  exchange.carrier_is_inline = options.carrier_is_inline;
  if (job.config.policy().has_async()) {
    exchange.fetch_every = job.config.policy().async().fetch_every();
    exchange.push_every = job.config.policy().async().push_every();
  }
  exchange.virtual_replicas = replica.virtual_replicas();
  exchange.warm_start_steps = job.config.policy().warm_start().steps();
  if (replica.has_clip_global_norm()) exchange.clip_global_norm = replica.clip_global_norm();
  const std::optional<DType> dtype = FromWireDType(replica.push());
  exchange.push_dtype = dtype.value_or(DType::kFloat32);
  std::unique_ptr<LocalStep> local;
  if (replica.has_local()) {
    DP_ASSIGN_OR_RETURN(local, LocalStep::Create(replica.local(), job.config.optimizer().schedule(), *network));
  }
  return std::make_unique<GradientExchange>(exchange, std::move(local), client, network);
}

}  // namespace downpour
