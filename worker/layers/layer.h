// A layer, resolved: what it computes, from which shapes to which, with which parameters, at what cost. Nothing here
// knows of a device; a device's kernel for it reads nothing else.
#ifndef DOWNPOUR_WORKER_LAYERS_LAYER_H_
#define DOWNPOUR_WORKER_LAYERS_LAYER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/tensor/shape.h"
#include "proto/initializer.pb.h"
#include "worker/layers/op.h"

namespace downpour {

enum class ElementType : uint8_t {
  kReal,   // a number, held in the compute type of the program: float32, bfloat16, ...
  kIndex,  // int32: a class, a row of an embedding
};

// What a tensor of the graph holds for each example. In memory a batch lies one example behind the other, each
// row-major
// ([height, width, channels] for images).
struct TensorType {
  Shape shape;           // of one example
  int64_t elements = 1;  // of it: at most kExampleElementsMax
  ElementType element_type = ElementType::kReal;

  friend bool operator==(const TensorType&, const TensorType&) = default;
};

// 4 Gi elements: no layer of one example is larger, so that products with element sizes and batches fit in int64.
inline constexpr int64_t kExampleElementsMax = int64_t{1} << 32;

// A tensor of a layer that belongs to the model and not to the batch. In a program it is always float32 (float64 in a
// program that computes in float64), whatever the compute type.
struct ParameterSpec {
  enum class Role : uint8_t {
    // Backward computes the gradient of the loss.
    kTrained,
    // A running statistic. In training the layer computes, where a gradient would be, what is to be subtracted from it:
    // momentum * (running - batch). Whoever owns the table applies it as SGD with rate 1, without decay, momentum or
    // clipping; so replicas share statistics by the same push and pull as weights.
    kState,
  };

  std::string name;  // of the table: "conv1/weights"
  Shape shape;
  int64_t elements = 1;
  Role role = Role::kTrained;
  InitializerConfig initializer;  // always of a kind
  double learning_rate_multiplier = 1;
  std::optional<double> weight_decay;  // in place of the optimizer's
};

// What the arithmetic costs for one example, in floating-point operations (a multiplication and an addition are two).
// Taps of a window that lie in the padding are not counted, since nobody needs to compute them.
struct LayerFlops {
  double forward = 0;
  double backward_inputs = 0;      // of the gradients of the inputs
  double backward_parameters = 0;  // of those of the parameters
};

// Which tensors backward needs besides the gradient of the output, if a kernel does not say otherwise: they stay in
// memory until then.
struct BackwardReads {
  bool inputs = false;
  bool output = false;
};

// Made by ResolveLayer (resolve.h) and then never changed: a value that any thread may read.
struct Layer {
  std::string name;
  std::string kind;  // as it is written in a model file: "conv2d", "max_pool", ...
  Op op;             // which layer it is, and its options
  std::vector<TensorType> inputs;
  TensorType output;  // of a loss: the shape [], though nothing is stored there (see LossResult)
  std::vector<ParameterSpec> parameters;
  LayerFlops flops;
  BackwardReads backward_reads;

  // The options as those of one kind of layer; null if it is of another.
  template <typename T>
  const T* As() const {
    return std::get_if<T>(&op);
  }
};

// Whether it is one of the losses: it has no successors, and backward starts from it.
bool IsLoss(const Layer& layer);

// Whether the output is the input under another shape, and nothing has to be computed.
bool IsView(const Layer& layer);

// What a loss leaves of a batch.
struct LossResult {
  double loss = 0;     // weight * mean over the examples
  double correct = 0;  // examples judged right: see proto/model.proto; 0 for mean_squared_error
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_LAYER_H_
