// What each kind of layer computes, in double and in plain loops: the oracle for all devices. A layer's two functions
// are in the file of its name; they are written to be compared with docs/models.md, not to be fast.
#ifndef DOWNPOUR_WORKER_DEVICE_REFERENCE_OP_MATH_H_
#define DOWNPOUR_WORKER_DEVICE_REFERENCE_OP_MATH_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "worker/device/kernel.h"
#include "worker/layers/layer.h"

namespace downpour::reference {

// An input of a layer: real numbers or indices, the other span being empty.
struct Operand {
  std::span<const double> real;
  std::span<const int32_t> index;
};

// Everything holds `batch` examples, one behind the other.
struct ForwardMath {
  const Layer& layer;
  Mode mode = Mode::kTrain;
  int64_t batch = 0;
  StepRandom random;
  std::vector<Operand> inputs;
  std::vector<std::span<const double>> parameters;

  std::span<double> output;                // to be written
  LossResult* loss = nullptr;              // of a loss, to be written
  std::vector<std::span<double>> updates;  // in training, of the states among the parameters: to be written
  std::string error;                       // of the data: an index out of range
};

// All gradients are zero at first and added to. Spans of gradients that nobody wants are empty.
struct BackwardMath {
  const Layer& layer;
  int64_t batch = 0;
  StepRandom random;
  std::vector<Operand> inputs;     // only if layer.backward_reads.inputs
  std::span<const double> output;  // only if layer.backward_reads.output
  std::span<const double> output_gradient;
  std::vector<std::span<const double>> parameters;

  std::vector<std::span<double>> input_gradients;
  std::vector<std::span<double>> parameter_gradients;  // of states: empty
};

void Forward(const Dense& op, ForwardMath& math);
void Backward(const Dense& op, BackwardMath& math);
void Forward(const Conv2D& op, ForwardMath& math);
void Backward(const Conv2D& op, BackwardMath& math);
void Forward(const Pool2D& op, ForwardMath& math);
void Backward(const Pool2D& op, BackwardMath& math);
void Forward(const GlobalPool& op, ForwardMath& math);
void Backward(const GlobalPool& op, BackwardMath& math);
void Forward(const Activation& op, ForwardMath& math);
void Backward(const Activation& op, BackwardMath& math);
void Forward(const Softmax& op, ForwardMath& math);
void Backward(const Softmax& op, BackwardMath& math);
void Forward(const Lrn& op, ForwardMath& math);
void Backward(const Lrn& op, BackwardMath& math);
void Forward(const BatchNorm& op, ForwardMath& math);
void Backward(const BatchNorm& op, BackwardMath& math);
void Forward(const LayerNorm& op, ForwardMath& math);
void Backward(const LayerNorm& op, BackwardMath& math);
void Forward(const Dropout& op, ForwardMath& math);
void Backward(const Dropout& op, BackwardMath& math);
void Forward(const Elementwise& op, ForwardMath& math);
void Backward(const Elementwise& op, BackwardMath& math);
void Forward(const Concat& op, ForwardMath& math);
void Backward(const Concat& op, BackwardMath& math);
void Forward(const Embedding& op, ForwardMath& math);
void Backward(const Embedding& op, BackwardMath& math);
void Forward(const SoftmaxCrossEntropy& op, ForwardMath& math);
void Backward(const SoftmaxCrossEntropy& op, BackwardMath& math);
void Forward(const SigmoidCrossEntropy& op, ForwardMath& math);
void Backward(const SigmoidCrossEntropy& op, BackwardMath& math);
void Forward(const MeanSquaredError& op, ForwardMath& math);
void Backward(const MeanSquaredError& op, BackwardMath& math);

// Of a layer that is no view.
void Forward(ForwardMath& math);
void Backward(BackwardMath& math);

}  // namespace downpour::reference

#endif  // DOWNPOUR_WORKER_DEVICE_REFERENCE_OP_MATH_H_
