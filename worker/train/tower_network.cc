#include "worker/train/tower_network.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/status.h"
#include "kernels/kernels.h"

namespace downpour {

absl::StatusOr<std::unique_ptr<TowerNetwork>> TowerNetwork::Create(std::shared_ptr<const Graph> graph,
                                                                   ModelInputs inputs, size_t towers,
                                                                   const Maker& make) {
  std::unique_ptr<TowerNetwork> network(new TowerNetwork(std::move(graph), inputs, towers));
  network->RunOnAll([&](size_t i) {
    absl::StatusOr<std::unique_ptr<DeviceNetwork>> made = make(i);
    network->towers_[i].status = made.status();
    if (made.ok()) network->towers_[i].network = *std::move(made);
  });
  DP_RETURN_IF_ERROR(network->FirstError());
  return network;
}

TowerNetwork::TowerNetwork(std::shared_ptr<const Graph> graph, ModelInputs inputs, size_t towers)
    : Network(std::move(graph)),
      inputs_(inputs),
      towers_(towers),
      finished_(parameter_count()),
      means_(parameter_count()),
      begin_(static_cast<std::ptrdiff_t>(towers) + 1),
      end_(static_cast<std::ptrdiff_t>(towers) + 1),
      copied_(static_cast<std::ptrdiff_t>(towers)) {
  for (size_t p = 0; p < parameter_count(); ++p) {
    means_[p].resize(static_cast<size_t>(this->graph().parameters()[p].spec->elements));
  }
  for (size_t i = 0; i < towers; ++i) threads_.emplace_back([this, i] { Loop(i); });
}

TowerNetwork::~TowerNetwork() {
  RunOnAll([this](size_t i) { towers_[i].network.reset(); });
  work_ = nullptr;
  begin_.arrive_and_wait();
  for (std::thread& thread : threads_) thread.join();
}

void TowerNetwork::Loop(size_t tower) {
  while (true) {
    begin_.arrive_and_wait();
    if (work_ == nullptr) return;
    (*work_)(tower);
    end_.arrive_and_wait();
  }
}

void TowerNetwork::RunOnAll(const std::function<void(size_t tower)>& work) {
  work_ = &work;
  begin_.arrive_and_wait();
  end_.arrive_and_wait();
}

absl::Status TowerNetwork::FirstError() const {
  for (const Tower& tower : towers_) DP_RETURN_IF_ERROR(tower.status);
  return absl::OkStatus();
}

absl::Status TowerNetwork::CutUp(const HostBatch& batch) {
  const int64_t share = (batch.size + static_cast<int64_t>(towers_.size()) - 1) / static_cast<int64_t>(towers_.size());
  const size_t example_bytes = static_cast<size_t>(graph().inputs()[inputs_.examples].type.elements) * sizeof(float);
  int64_t first = 0;
  at_work_ = 0;
  const auto cut = [&first](const AlignedBuffer& from, size_t each, int64_t size, AlignedBuffer* to) -> absl::Status {
    const size_t bytes = static_cast<size_t>(size) * each;
    if (to->size() < bytes) {
      DP_ASSIGN_OR_RETURN(*to, AlignedBuffer::Allocate(bytes));
    }
    std::memcpy(to->data(), from.data() + static_cast<size_t>(first) * each, bytes);
    return absl::OkStatus();
  };
  for (Tower& tower : towers_) {
    tower.part.size = std::min(share, batch.size - first);
    tower.loss = {};
    if (tower.part.size == 0) continue;
    ++at_work_;
    DP_RETURN_IF_ERROR(cut(batch.examples, example_bytes, tower.part.size, &tower.part.examples));
    DP_RETURN_IF_ERROR(cut(batch.labels, sizeof(float), tower.part.size, &tower.part.labels));
    first += tower.part.size;
  }
  return absl::OkStatus();
}

void TowerNetwork::TakeWeights(size_t tower) {
  if (weights_changed_ && tower > 0) {
    const std::span<std::byte> from = towers_.front().network->weights_block();
    std::memcpy(towers_[tower].network->weights_block().data(), from.data(), from.size());
  }
  // Nobody computes before everybody has copied: a step of the first may be the next to write.
  copied_.arrive_and_wait();
  if (weights_changed_) towers_[tower].network->WeightsChanged();
}

void TowerNetwork::GradientIsReady(size_t parameter, const GradientCallback& on_gradient) {
  if (finished_[parameter].fetch_add(1, std::memory_order_acq_rel) + 1 < at_work_) return;
  finished_[parameter].store(0, std::memory_order_relaxed);
  int64_t examples = 0;
  for (const Tower& tower : towers_) examples += tower.part.size;
  std::vector<float>& mean = means_[parameter];
  std::fill(mean.begin(), mean.end(), 0.0f);
  for (Tower& tower : towers_) {
    if (tower.part.size == 0) continue;
    const float weight = static_cast<float>(static_cast<double>(tower.part.size) / static_cast<double>(examples));
    BestKernels().Axpy(weight, tower.network->gradient(parameter).data(), mean.data(), mean.size());
  }
  if (!on_gradient) return;
  MutexLock lock(&callback_mutex_);
  on_gradient(parameter);
}

absl::StatusOr<BatchLoss> TowerNetwork::Sum() const {
  BatchLoss sum;
  for (const Tower& tower : towers_) {
    sum.examples += tower.loss.examples;
    sum.correct += tower.loss.correct;
    sum.loss += tower.loss.loss * static_cast<double>(tower.loss.examples);
  }
  if (sum.examples > 0) sum.loss /= static_cast<double>(sum.examples);
  return sum;
}

absl::StatusOr<BatchLoss> TowerNetwork::Train(const HostBatch& batch, uint64_t step,
                                              const GradientCallback& on_gradient) {
  DP_RETURN_IF_ERROR(CutUp(batch));
  RunOnAll([&](size_t i) {
    Tower& tower = towers_[i];
    TakeWeights(i);
    if (tower.part.size == 0) return;
    absl::StatusOr<BatchLoss> loss =
        tower.network->Train(tower.part, step, [&](size_t p) { GradientIsReady(p, on_gradient); });
    tower.status = loss.status();
    if (loss.ok()) tower.loss = *loss;
  });
  weights_changed_ = false;
  DP_RETURN_IF_ERROR(FirstError());
  return Sum();
}

absl::StatusOr<BatchLoss> TowerNetwork::Evaluate(const HostBatch& batch) {
  DP_RETURN_IF_ERROR(CutUp(batch));
  RunOnAll([&](size_t i) {
    Tower& tower = towers_[i];
    TakeWeights(i);
    if (tower.part.size == 0) return;
    absl::StatusOr<BatchLoss> loss = tower.network->Evaluate(tower.part);
    tower.status = loss.status();
    if (loss.ok()) tower.loss = *loss;
  });
  weights_changed_ = false;
  DP_RETURN_IF_ERROR(FirstError());
  return Sum();
}

absl::StatusOr<std::string> TowerNetwork::FindNonFinite(const HostBatch& batch, uint64_t step) {
  DP_RETURN_IF_ERROR(CutUp(batch));
  for (Tower& tower : towers_) {
    if (tower.part.size == 0) continue;
    DP_ASSIGN_OR_RETURN(std::string found, tower.network->FindNonFinite(tower.part, step));
    if (!found.empty()) return found;
  }
  return std::string();
}

std::string TowerNetwork::device_names() const {
  std::string names;
  for (const Tower& tower : towers_) names += (names.empty() ? "" : "+") + tower.network->device_names();
  return names;
}

}  // namespace downpour
