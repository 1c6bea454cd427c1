#ifndef DOWNPOUR_WORKER_TRAIN_TOWER_NETWORK_H_
#define DOWNPOUR_WORKER_TRAIN_TOWER_NETWORK_H_

#include <atomic>
#include <barrier>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "worker/train/device_network.h"

namespace downpour {

// Several devices that share each batch: every tower computes an even part of it on a thread of its own, and the last
// one to finish a parameter's gradient averages all of them, weighted by their parts. The result is that of one device
// with the whole batch, but for rounding, dropout and the statistics of batch normalisation, which are each tower's
// own. Same towers, same bits.
class TowerNetwork final : public Network {
 public:
  // Makes the network of tower i; called on the tower's thread.
  using Maker = std::function<absl::StatusOr<std::unique_ptr<DeviceNetwork>>(size_t tower)>;

  static absl::StatusOr<std::unique_ptr<TowerNetwork>> Create(std::shared_ptr<const Graph> graph, ModelInputs inputs,
                                                              size_t towers, const Maker& make);
  ~TowerNetwork() override;

  std::span<const size_t> gradient_order() const override { return towers_.front().network->gradient_order(); }
  std::span<float> weights(size_t parameter) override { return towers_.front().network->weights(parameter); }
  void WeightsChanged() override { weights_changed_ = true; }
  std::span<float> gradient(size_t parameter) override { return means_[parameter]; }
  absl::StatusOr<BatchLoss> Train(const HostBatch& batch, uint64_t step, const GradientCallback& on_gradient) override;
  absl::StatusOr<BatchLoss> Evaluate(const HostBatch& batch) override;
  absl::StatusOr<std::string> FindNonFinite(const HostBatch& batch, uint64_t step) override;
  std::string device_names() const override;

 private:
  struct Tower {
    std::unique_ptr<DeviceNetwork> network;
    HostBatch part;
    absl::Status status;
    BatchLoss loss;
  };

  TowerNetwork(std::shared_ptr<const Graph> graph, ModelInputs inputs, size_t towers);

  void Loop(size_t tower);
  // Calls `work` for every tower, each on its thread, and waits for all.
  void RunOnAll(const std::function<void(size_t tower)>& work);
  absl::Status FirstError() const;
  // The examples of each tower; those without any compute nothing.
  absl::Status CutUp(const HostBatch& batch);
  absl::StatusOr<BatchLoss> Sum() const;
  void GradientIsReady(size_t parameter, const GradientCallback& on_gradient);
  // Weights are written in the first tower; the others copy them.
  void TakeWeights(size_t tower);

  const ModelInputs inputs_;
  std::vector<Tower> towers_;
  bool weights_changed_ = false;
  size_t at_work_ = 0;  // towers with examples
  std::vector<std::atomic<size_t>> finished_;
  std::vector<std::vector<float>> means_;
  Mutex callback_mutex_;

  std::barrier<> begin_;
  std::barrier<> end_;
  std::barrier<> copied_;
  const std::function<void(size_t tower)>* work_ = nullptr;  // null: the threads end
  std::vector<std::thread> threads_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_TOWER_NETWORK_H_
