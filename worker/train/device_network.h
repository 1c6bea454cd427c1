#ifndef DOWNPOUR_WORKER_TRAIN_DEVICE_NETWORK_H_
#define DOWNPOUR_WORKER_TRAIN_DEVICE_NETWORK_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "worker/device/device.h"
#include "worker/models/program.h"
#include "worker/train/network.h"

namespace downpour {

// A network on one device. Where the host can reach the device's memory nothing is copied; elsewhere weights and
// gradients go through staging memory: gradients of each parameter as soon as they are complete, beside the rest of
// backward.
class DeviceNetwork final : public Network {
 public:
  // Takes the device over.
  static absl::StatusOr<std::unique_ptr<DeviceNetwork>> Create(std::shared_ptr<const Graph> graph, ModelInputs inputs,
                                                               std::unique_ptr<Device> device,
                                                               const NetworkOptions& options);
  ~DeviceNetwork() override;

  std::span<const size_t> gradient_order() const override { return program_->gradient_order(); }
  std::span<float> weights(size_t parameter) override;
  void WeightsChanged() override;
  std::span<float> gradient(size_t parameter) override;
  absl::StatusOr<BatchLoss> Train(const HostBatch& batch, uint64_t step, const GradientCallback& on_gradient) override;
  absl::StatusOr<BatchLoss> Evaluate(const HostBatch& batch) override;
  absl::StatusOr<std::string> FindNonFinite(const HostBatch& batch, uint64_t step) override;
  std::string device_names() const override { return device_->description().name; }

  // All weights, with what lies between them: the same layout in every network of the graph.
  std::span<std::byte> weights_block();

 private:
  DeviceNetwork(std::shared_ptr<const Graph> graph, ModelInputs inputs, std::unique_ptr<Device> device)
      : Network(std::move(graph)), inputs_(inputs), device_(std::move(device)) {}

  absl::Status SetUp(const NetworkOptions& options);
  // The batch where the program can read it.
  absl::StatusOr<Batch> Feed(const HostBatch& batch);
  absl::StatusOr<BatchLoss> LossOf(const HostBatch& batch);
  size_t CountOf(size_t parameter) const { return static_cast<size_t>(graph().parameters()[parameter].spec->elements); }

  const ModelInputs inputs_;
  const std::unique_ptr<Device> device_;
  std::unique_ptr<Program> program_;
  bool host_memory_ = false;

  // ---- Of devices with memory of their own: what the host sees of it, laid out as on the device.
  Buffer weights_staging_;
  Buffer gradients_staging_;
  std::vector<std::unique_ptr<Event>> gradient_copied_;

  // ---- Inputs, by their place in the graph: converted to the compute type or copied, where that is needed.
  std::array<Buffer, 2> input_staging_;
  std::array<Buffer, 2> input_memory_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_DEVICE_NETWORK_H_
