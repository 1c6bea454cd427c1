// A layer's arithmetic on a device.
#ifndef DOWNPOUR_WORKER_DEVICE_KERNEL_H_
#define DOWNPOUR_WORKER_DEVICE_KERNEL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/tensor/dtype.h"
#include "worker/layers/layer.h"

namespace downpour {

enum class Mode : uint8_t {
  kTrain,
  kEvaluate,
};

// What a kernel is made for. A chain of several layers is one kernel; each layer after the first takes the output of
// the one before as its input 0.
struct KernelSpec {
  // Not empty, never a view (IsView). They outlive the kernel.
  std::vector<const Layer*> chain;

  // In what tensors of real numbers are held, and their gradients: kFloat32, kBFloat16 or kFloat64.
  DType compute = DType::kFloat32;

  // The largest batch that a call will have.
  int64_t batch_max = 1;

  // False: only Forward in Mode::kEvaluate will be called.
  bool training = true;

  // For each input of the chain (below) whether backward has to compute its gradient.
  std::vector<bool> input_gradients;
};

// The tensors of a kernel, in the order of all spans below. Inputs: those of the first layer, then the inputs from 1 on
// of each later one. Output: the last layer's. Parameters: those of all layers, one layer after the other.
inline std::vector<TensorType> KernelInputs(const KernelSpec& spec) {
  std::vector<TensorType> inputs = spec.chain.front()->inputs;
  for (size_t i = 1; i < spec.chain.size(); ++i) {
    inputs.insert(inputs.end(), spec.chain[i]->inputs.begin() + 1, spec.chain[i]->inputs.end());
  }
  return inputs;
}
inline const TensorType& KernelOutput(const KernelSpec& spec) { return spec.chain.back()->output; }

// What a kernel wants from who calls it. Sizes are in bytes, at batch_max; the memory is the caller's, aligned to 256
// bytes, and its contents are arbitrary at first.
struct KernelNeeds {
  size_t prepared = 0;   // from Prepare on, until the weights change: weights in the kernel's own form
  size_t saved = 0;      // from Forward in Mode::kTrain to the Backward of the same step: masks, positions of maxima
  size_t workspace = 0;  // within each single call; shared by all kernels of a queue

  // Backward reads the inputs, the output of forward: they keep their memory until then.
  bool backward_reads_inputs = true;
  bool backward_reads_output = true;

  // Forward may be given output == inputs[0]; Backward may be given input_gradients[0] == output_gradient. Both only
  // for equal sizes. The caller does so only where nobody needs what is overwritten.
  bool forward_in_place = false;
  bool backward_in_place = false;

  // Backward can add to input gradients instead of overwriting them (BackwardCall::accumulate).
  bool accumulates = false;
};

// What makes the random numbers of a step, in device memory, so that recorded work sees the values of its run.
struct StepRandom {
  uint64_t seed = 0;
  uint64_t step = 0;
};

// Pointers are of device memory. Tensors are a batch of examples one behind the other, of the types that KernelSpec
// says. Parameters and their gradients are float32, or float64 where compute is.
struct ForwardCall {
  Mode mode = Mode::kTrain;
  int64_t batch = 0;  // examples, in [1, batch_max]
  std::span<const void* const> inputs;
  void* output = nullptr;      // not written by a loss
  LossResult* loss = nullptr;  // of a loss: what it writes
  std::span<const void* const> parameters;
  std::span<void* const> parameter_gradients;  // of states the updates are written, in Mode::kTrain
  const void* prepared = nullptr;
  void* saved = nullptr;
  void* workspace = nullptr;
  const StepRandom* random = nullptr;
};

struct BackwardCall {
  int64_t batch = 0;                       // as in the Forward of this step
  std::span<const void* const> inputs;     // null where backward_reads_inputs is false
  const void* output = nullptr;            // null where backward_reads_output is false
  const void* output_gradient = nullptr;   // null for a loss, which begins
  std::span<void* const> input_gradients;  // to be written; null where none is wanted
  // For each input whether the gradient is added to what is there; all false unless KernelNeeds::accumulates.
  std::span<const bool> accumulate;
  std::span<const void* const> parameters;
  std::span<void* const> parameter_gradients;  // of trained ones: to be overwritten. Those of states: leave alone.
  const void* prepared = nullptr;
  void* saved = nullptr;
  void* workspace = nullptr;
  const StepRandom* random = nullptr;
};

// Enqueues in Queue::kCompute of the device that made it. Same device, same calls, same contents: same bits.
class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual const KernelNeeds& needs() const = 0;

  // Enqueues what turns the weights into the kernel's own form. Called after weights changed, before the next Forward;
  // not called where needs().prepared is 0.
  virtual void Prepare(std::span<const void* const> parameters, void* prepared, void* workspace) = 0;

  virtual void Forward(const ForwardCall& call) = 0;

  // At most once for each Forward in Mode::kTrain, with nothing else of this kernel in between. Not called where
  // neither an input nor a parameter needs a gradient.
  virtual void Backward(const BackwardCall& call) = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_KERNEL_H_
