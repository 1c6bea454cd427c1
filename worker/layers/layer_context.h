// What the file of a layer works with: the inputs, errors that name layer, input and shapes, and the making of the
// result.
#ifndef DOWNPOUR_WORKER_LAYERS_LAYER_CONTEXT_H_
#define DOWNPOUR_WORKER_LAYERS_LAYER_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/model.pb.h"
#include "worker/layers/layer.h"

namespace downpour {

// A tensor that a layer takes, with the name of the input or layer that it comes from.
struct LayerInput {
  std::string name;
  TensorType type;
};

// Checks that the product of the dimensions is at most kExampleElementsMax and each dimension at least 1.
absl::StatusOr<TensorType> MakeTensorType(std::span<const int64_t> dims, ElementType element_type);

// Fills in a ParameterSpec: its dimensions, and what the model file says of it or else the default.
struct ParameterRequest {
  std::string_view name;  // "weights"
  std::vector<int64_t> dims;
  InitializerConfig default_initializer;
  const ParameterConfig* config = nullptr;  // null for a state
  ParameterSpec::Role role = ParameterSpec::Role::kTrained;
};

InitializerConfig ConstantInitializer(double value);
InitializerConfig GlorotUniformInitializer();

// The layer as it will be, whose inputs are known.
class LayerContext {
 public:
  LayerContext(std::string name, std::string_view kind, std::vector<LayerInput> inputs);

  const std::string& name() const { return name_; }
  size_t input_count() const { return inputs_.size(); }
  const TensorType& input(size_t i) const { return inputs_[i].type; }
  const Shape& shape(size_t i) const { return inputs_[i].type.shape; }

  // INVALID_ARGUMENT "layer conv1 (conv2d): TEXT".
  absl::Status Error(std::string_view text) const;
  // INVALID_ARGUMENT "layer conv1 (conv2d): input images of shape [24, 24, 3]: TEXT".
  absl::Status InputError(size_t i, std::string_view text) const;

  // The number of inputs is in [least, most].
  absl::Status CheckInputCount(size_t least, size_t most) const;
  absl::Status CheckElementType(size_t i, ElementType wanted) const;
  // Input i has as many axes as `axes` ("height, width, channels") has names.
  absl::Status CheckAxes(size_t i, std::span<const std::string_view> axes) const;
  // One input of real numbers: what most layers take.
  absl::Status CheckOneRealInput() const;
  // All inputs are real and of one shape.
  absl::Status CheckSameShapes() const;

  // Two inputs of real numbers and of one shape, where [1] and [] are one: what is judged, and by what.
  absl::Status CheckLossInputs() const;

  // low <= value (< or <=) high, and finite.
  absl::Status CheckNumber(std::string_view field, double value, double low, double high, bool low_open = false,
                           bool high_open = false) const;

  // A layer of that op and output without parameters; its elementwise cost is `flops` forward and backward.
  absl::StatusOr<Layer> Make(Op op, std::span<const int64_t> output_dims, LayerFlops flops,
                             BackwardReads backward_reads) const;

  // Appends a parameter to a layer.
  absl::Status AddParameter(const ParameterRequest& request, Layer* layer) const;

 private:
  std::string name_;
  std::string kind_;
  std::vector<LayerInput> inputs_;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_LAYERS_LAYER_CONTEXT_H_
