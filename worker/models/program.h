// A replica's network on a device: the model's layers as kernels, with all memory that a step needs, and nothing of
// optimizers, servers or data.
//
//   DP_ASSIGN_OR_RETURN(auto program, Program::Create(graph, device, {.batch_max = 128}));
//   ... fill program->weights(p) for each parameter, by a copy or (where memory_is_host_memory) by writing ...
//   program->WeightsChanged();
//   DP_RETURN_IF_ERROR(program->Train({.size = 128, .inputs = {images, labels}}, step, [&](size_t p) {
//     ... the gradient of p is complete once program->gradient_event(p) is done: copy or push it ...
//   }));
//   DP_ASSIGN_OR_RETURN(StepResult result, program->Result());
//
// A smaller batch than batch_max is as good: each call takes its own size.
//
// Order. Train and Evaluate enqueue in Queue::kCompute. Weights, inputs and gradients belong to the step from the call
// until finished_event() is done; a copy in another queue must be ordered by events (WaitFor), and on a device that
// runs inline all of that holds when the call returns. To overlap the fetching of weights with the step, copy into
// memory of one's own in Queue::kCopyIn, and from there by Copy in Queue::kCompute.
//
// One thread at a time, together with its device.
#ifndef DOWNPOUR_WORKER_MODELS_PROGRAM_H_
#define DOWNPOUR_WORKER_MODELS_PROGRAM_H_

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
#include "worker/device/device.h"
#include "worker/models/fusion.h"
#include "worker/models/graph.h"

namespace downpour {

struct ProgramOptions {
  // Of tensors between layers: kFloat32, kBFloat16, or kFloat64 where the device has it.
  DType compute = DType::kFloat32;
  int64_t batch_max = 128;
  bool training = true;          // false: Evaluate only, in less memory
  bool fuse = true;              // use the device's kernels for chains of layers
  bool record = true;            // record a step and replay it, where the device can
  bool input_gradients = false;  // also compute the gradients of the inputs of real numbers
  uint64_t seed = 0;             // of dropout
};

// The examples of a step. `inputs` are one address of device memory for each input of the graph, in its order, of
// `size` examples each: real numbers in the program's compute type, indices as int32. Recorded steps are kept for each
// set of addresses, so use the same few buffers again and again.
struct Batch {
  int64_t size = 0;
  std::vector<const void*> inputs = {};
};

struct StepResult {
  int64_t examples = 0;
  double loss = 0;                 // the sum of all losses
  std::vector<LossResult> losses;  // in the order of Graph::losses
};

// Where a program's memory goes, in bytes.
struct ProgramMemory {
  size_t parameters = 0;
  size_t gradients = 0;
  size_t tensors = 0;            // values and gradients between layers, and what kernels save, as planned
  size_t tensors_unplanned = 0;  // the same if nothing was reused
  size_t prepared = 0;
  size_t workspace = 0;

  size_t total() const { return parameters + gradients + tensors + prepared + workspace; }
};

struct NodeTime {
  std::string name;  // of the node
  double forward_seconds = 0;
  double backward_seconds = 0;
};

class Program {
 public:
  // Called on the thread of Train for each parameter once the work that completes its gradient is enqueued: in the
  // order of gradient_order(), while earlier layers are still to be enqueued; for a replayed step after all of it. The
  // contents are there when gradient_event(parameter) is done. Not to call the program.
  using GradientCallback = std::function<void(size_t parameter)>;

  // `device` outlives the program. Errors: of the device (memory, a layer without kernel, with its name), and
  // INVALID_ARGUMENT for a batch of less than 1 or sizes that overflow.
  static absl::StatusOr<std::unique_ptr<Program>> Create(std::shared_ptr<const Graph> graph, Device* device,
                                                         const ProgramOptions& options);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  const Graph& graph() const;
  const ProgramOptions& options() const;
  Device& device();
  std::span<const Node> nodes() const;
  ProgramMemory memory() const;

  // ---- Parameters, by their index in Graph::parameters(). float32, or float64 if that is the compute type.

  DType parameter_dtype() const;

  // Device memory of ParameterSpec::elements numbers. All weights lie in one block, and all gradients in another with
  // the same offsets; what is between parameters in a block is zero.
  void* weights(size_t parameter);
  void* gradient(size_t parameter);                 // null unless training
  size_t parameter_offset(size_t parameter) const;  // in its block, bytes
  void* weights_block();
  void* gradients_block();
  size_t block_bytes() const;

  // To be called after enqueueing, or making, a change of weights: they are prepared anew before the next step.
  void WeightsChanged(size_t parameter);
  void WeightsChanged();  // all

  // All parameters, in the order in which backward completes their gradients.
  std::span<const size_t> gradient_order() const;

  // Done when the gradient of the last enqueued Train is complete.
  Event& gradient_event(size_t parameter);

  // ---- Steps. INVALID_ARGUMENT for a batch that is not of this program; the device's error, if it has one.

  // Forward and backward. `step` makes the random numbers of the step: the same step drops the same elements.
  absl::Status Train(const Batch& batch, uint64_t step, const GradientCallback& on_gradient = nullptr);

  // Forward in evaluation. Where the model has losses their inputs are needed too, and Result tells them.
  absl::Status Evaluate(const Batch& batch);

  // Done when the last enqueued step is.
  Event& finished_event();

  // Losses of the last step, or of an earlier one of the last kResultsKept; waits for it. FAILED_PRECONDITION if there
  // was none.
  static constexpr size_t kResultsKept = 4;
  absl::StatusOr<StepResult> Result(size_t steps_ago = 0);

  // Device memory with tensor graph().outputs()[i] of the last step, in the compute type; until the next step. Null
  // before the first step for an output that is an input.
  const void* output(size_t i) const;

  // With input_gradients: device memory with the gradient of the loss by input i; null for an input of indices and for
  // one that no loss depends on.
  const void* input_gradient(size_t i) const;

  // ---- Looking closer; both wait, and are slow.

  // Runs the step again, looking at every tensor in the order of computing, and names the first that holds an infinity
  // or NaN: "input images", "weights conv1/weights", "output of layer conv1", "gradient of conv1/weights",
  // "gradient of the input of layer conv1"; empty if there is none.
  absl::StatusOr<std::string> FindNonFinite(const Batch& batch, uint64_t step);

  // Trains `steps` times on the batch and returns the mean time of each node, by the device's clock.
  absl::StatusOr<std::vector<NodeTime>> TimeNodes(const Batch& batch, uint64_t step, int steps);

 private:
  struct State;
  explicit Program(std::unique_ptr<State> state);

  const std::unique_ptr<State> state_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_PROGRAM_H_
