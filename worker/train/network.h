// A replica's model, as the training loop sees it: weights in, examples in, gradients and losses out, all in memory of
// the host, whatever the device, and whether it is one or several.
#ifndef DOWNPOUR_WORKER_TRAIN_NETWORK_H_
#define DOWNPOUR_WORKER_TRAIN_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/tensor/dtype.h"
#include "worker/models/graph.h"
#include "worker/train/job.h"
#include "worker/train/job_data.h"

namespace downpour {

// What a batch has come to.
struct BatchLoss {
  int64_t examples = 0;
  double loss = 0;     // mean over the examples
  double correct = 0;  // examples judged right; of no meaning where HasAccuracy(graph) is false
};

// Whether the model's first loss judges examples right or wrong.
bool HasAccuracy(const Graph& graph);

// One thread at a time.
class Network {
 public:
  // A parameter's gradient is complete: gradient(parameter) may be read until the next Train. Called during Train, for
  // each parameter once, in gradient_order(); one call at a time, but from any thread. Must not call the network but
  // for gradient().
  using GradientCallback = std::function<void(size_t parameter)>;

  virtual ~Network() = default;

  const Graph& graph() const { return *graph_; }
  const std::shared_ptr<const Graph>& shared_graph() const { return graph_; }
  size_t parameter_count() const { return graph_->parameters().size(); }
  virtual std::span<const size_t> gradient_order() const = 0;

  // Whoever writes them says WeightsChanged before the next Train or Evaluate.
  virtual std::span<float> weights(size_t parameter) = 0;
  virtual void WeightsChanged() = 0;

  // Of the last Train.
  virtual std::span<float> gradient(size_t parameter) = 0;

  // `step` makes the random numbers of dropout.
  virtual absl::StatusOr<BatchLoss> Train(const HostBatch& batch, uint64_t step,
                                          const GradientCallback& on_gradient = nullptr) = 0;
  virtual absl::StatusOr<BatchLoss> Evaluate(const HostBatch& batch) = 0;

  // Trains again, slowly, and names the first tensor with a value that is not finite; empty if there is none.
  virtual absl::StatusOr<std::string> FindNonFinite(const HostBatch& batch, uint64_t step) = 0;

  // Of the device, or of the towers: "cpu:0", "cpu:0+cpu:1".
  virtual std::string device_names() const = 0;

 protected:
  explicit Network(std::shared_ptr<const Graph> graph) : graph_(std::move(graph)) {}

 private:
  const std::shared_ptr<const Graph> graph_;
};

struct NetworkOptions {
  DType compute = DType::kFloat32;  // or kBFloat16
  int64_t batch_max = 128;
  bool fuse = true;
  uint64_t seed = 0;  // of dropout
};

// On the devices of these names; several are towers, which share each batch and whose gradients are averaged. Errors
// are those of the devices and of worker/models/program.h.
absl::StatusOr<std::unique_ptr<Network>> MakeNetwork(std::shared_ptr<const Graph> graph, ModelInputs inputs,
                                                     const std::vector<std::string>& devices,
                                                     const NetworkOptions& options);

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_TRAIN_NETWORK_H_
