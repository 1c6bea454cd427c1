// A chain of layers on the reference device.
#ifndef DOWNPOUR_WORKER_DEVICE_REFERENCE_REFERENCE_KERNEL_H_
#define DOWNPOUR_WORKER_DEVICE_REFERENCE_REFERENCE_KERNEL_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "worker/device/kernel.h"
#include "worker/device/reference/op_math.h"
#include "worker/device/reference/reference_device.h"

namespace downpour::reference {

// What a kernel asks of its device.
struct KernelHost {
  std::function<void(std::function<void()> work)> enqueue;  // in Queue::kCompute
  std::function<void(std::string message)> fail;
};

class ReferenceKernel final : public Kernel {
 public:
  ReferenceKernel(const KernelSpec& spec, const ReferenceDeviceOptions& options, KernelHost host);

  const KernelNeeds& needs() const override { return needs_; }
  void Prepare(std::span<const void* const> parameters, void* prepared, void* workspace) override;
  void Forward(const ForwardCall& call) override;
  void Backward(const BackwardCall& call) override;

 private:
  // The doubles of one pass: of each layer of the chain, its parameters and output.
  struct Values {
    std::vector<std::vector<double>> inputs;  // of the chain; empty for indices
    std::vector<Operand> operands;            // the same, as layers see them
    std::vector<std::vector<double>> parameters;
    std::vector<std::vector<double>> outputs;
  };

  Values Load(int64_t batch, std::span<const void* const> inputs, const void* prepared) const;
  std::vector<Operand> OperandsOf(size_t layer, const Values& values) const;
  std::vector<std::span<const double>> ParametersOf(size_t layer, const Values& values) const;

  void RunForward(const ForwardCall& call, std::span<void* const> updates);
  void RunLayers(const ForwardCall& call, std::span<void* const> updates, Values* values);
  void RunBackward(const BackwardCall& call);
  void BackwardLayers(const BackwardCall& call, const Values& values, std::vector<double> output,
                      std::vector<double> gradient);
  void CheckSaved(const void* saved, int64_t batch);
  void Scribble(void* workspace) const;
  std::string Name() const;

  const KernelSpec spec_;
  const DType parameter_dtype_;
  const KernelHost host_;
  std::vector<TensorType> inputs_;
  std::vector<const ParameterSpec*> parameters_;
  std::vector<size_t> first_input_, first_parameter_;  // of each layer, in the kernel's
  KernelNeeds needs_;
  double stamp_ = 0;  // what the last forward saved
};

}  // namespace downpour::reference

#endif  // DOWNPOUR_WORKER_DEVICE_REFERENCE_REFERENCE_KERNEL_H_
