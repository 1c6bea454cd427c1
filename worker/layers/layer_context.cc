#include "worker/layers/layer_context.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status.h"
#include "common/base/string_view.h"
#include "common/sharding/table_spec.h"

namespace downpour {
namespace {

// For dimensions that need not make a valid Shape.
std::string DimsText(std::span<const int64_t> dims) { return absl::StrCat("[", absl::StrJoin(dims, ", "), "]"); }

// The product of dimensions, each at least 1; at most `most`, or an error that says how it went wrong.
absl::StatusOr<int64_t> CheckedProduct(std::span<const int64_t> dims, int64_t most, std::string_view of) {
  if (dims.size() > Shape::kRankMax) {
    return absl::InvalidArgumentError(absl::StrCat("the shape ", DimsText(dims), " has ", dims.size(),
                                                   " axes; at most ", Shape::kRankMax, " are allowed"));
  }
  int64_t product = 1;
  for (const int64_t dim : dims) {
    if (dim < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("the shape ", DimsText(dims), " has the size ", dim, "; each must be at least 1"));
    }
    if (dim > most / product) {
      return absl::InvalidArgumentError(
          absl::StrCat("the shape ", DimsText(dims), " has more than ", most, " elements, the most of ", ToAbsl(of)));
    }
    product *= dim;
  }
  return product;
}

absl::StatusOr<Shape> ShapeOf(std::span<const int64_t> dims) { return Shape::FromDims(dims); }

}  // namespace

absl::StatusOr<TensorType> MakeTensorType(std::span<const int64_t> dims, ElementType element_type) {
  TensorType type;
  DP_ASSIGN_OR_RETURN(type.elements, CheckedProduct(dims, kExampleElementsMax, "an example"));
  DP_ASSIGN_OR_RETURN(type.shape, ShapeOf(dims));
  type.element_type = element_type;
  return type;
}

InitializerConfig ConstantInitializer(double value) {
  InitializerConfig config;
  if (value == 0) {
    config.mutable_zeros();
  } else {
    config.mutable_constant()->set_value(value);
  }
  return config;
}

InitializerConfig GlorotUniformInitializer() {
  InitializerConfig config;
  config.mutable_glorot_uniform();
  return config;
}

LayerContext::LayerContext(std::string name, std::string_view kind, std::vector<LayerInput> inputs)
    : name_(std::move(name)), kind_(kind), inputs_(std::move(inputs)) {}

absl::Status LayerContext::Error(std::string_view text) const {
  return absl::InvalidArgumentError(absl::StrCat("layer ", name_, " (", kind_, "): ", ToAbsl(text)));
}

absl::Status LayerContext::InputError(size_t i, std::string_view text) const {
  return Error(absl::StrCat("input ", inputs_[i].name, " of shape ", shape(i).ToString(), ": ", ToAbsl(text)));
}

absl::Status LayerContext::CheckInputCount(size_t least, size_t most) const {
  if (input_count() >= least && input_count() <= most) return absl::OkStatus();
  return Error(absl::StrCat("takes ", least == most ? "" : "at least ", least, least == 1 ? " input" : " inputs", "; ",
                            input_count(), " are given"));
}

absl::Status LayerContext::CheckElementType(size_t i, ElementType wanted) const {
  if (input(i).element_type == wanted) return absl::OkStatus();
  return InputError(i, wanted == ElementType::kReal ? "holds INT32; this layer takes real numbers (FLOAT32)"
                                                    : "holds real numbers; this layer takes INT32 here");
}

absl::Status LayerContext::CheckAxes(size_t i, std::span<const std::string_view> axes) const {
  if (shape(i).rank() == axes.size()) return absl::OkStatus();
  std::string names;
  for (const std::string_view axis : axes) absl::StrAppend(&names, names.empty() ? "" : ", ", ToAbsl(axis));
  return InputError(i, absl::StrCat("has ", shape(i).rank(), " axes; this layer takes ", axes.size(), " [", names, "]",
                                    axes.size() == 1 ? " (a flatten layer makes them one)" : ""));
}

absl::Status LayerContext::CheckOneRealInput() const {
  DP_RETURN_IF_ERROR(CheckInputCount(1, 1));
  return CheckElementType(0, ElementType::kReal);
}

absl::Status LayerContext::CheckSameShapes() const {
  for (size_t i = 0; i < input_count(); ++i) {
    DP_RETURN_IF_ERROR(CheckElementType(i, ElementType::kReal));
    if (!(shape(i) == shape(0))) {
      return InputError(i, absl::StrCat("differs from input ", inputs_[0].name, " of shape ", shape(0).ToString(),
                                        "; the inputs must have one shape"));
    }
  }
  return absl::OkStatus();
}

absl::Status LayerContext::CheckLossInputs() const {
  DP_RETURN_IF_ERROR(CheckInputCount(2, 2));
  if (input(0).elements == 1 && input(1).elements == 1) {
    DP_RETURN_IF_ERROR(CheckElementType(0, ElementType::kReal));
    return CheckElementType(1, ElementType::kReal);
  }
  return CheckSameShapes();
}

absl::Status LayerContext::CheckNumber(std::string_view field, double value, double low, double high, bool low_open,
                                       bool high_open) const {
  const bool above = low_open ? value > low : value >= low;
  const bool below = high_open ? value < high : value <= high;
  // As it will be used, in float32: an epsilon of 1e-60 is 0 there.
  const auto narrow = static_cast<float>(value);
  if (above && below && std::isfinite(narrow) && !(low_open && narrow <= low)) return absl::OkStatus();
  std::string range;
  if (high == std::numeric_limits<double>::infinity()) {
    range = absl::StrCat(low_open ? "greater than " : "at least ", low, " and finite");
  } else {
    range = absl::StrCat("in ", low_open ? "(" : "[", low, ", ", high, high_open ? ")" : "]");
  }
  return Error(absl::StrCat(ToAbsl(field), " is ", value, "; it must be ", range));
}

absl::StatusOr<Layer> LayerContext::Make(Op op, std::span<const int64_t> output_dims, LayerFlops flops,
                                         BackwardReads backward_reads) const {
  Layer layer;
  layer.name = name_;
  layer.kind = kind_;
  layer.op = std::move(op);
  for (const LayerInput& input : inputs_) layer.inputs.push_back(input.type);
  absl::StatusOr<TensorType> output = MakeTensorType(output_dims, ElementType::kReal);
  if (!output.ok()) {
    const std::string text = absl::StrCat("the output: ", output.status().message());
    return input_count() == 0 ? Error(text) : InputError(0, text);
  }
  layer.output = *output;
  layer.flops = flops;
  layer.backward_reads = backward_reads;
  return layer;
}

absl::Status LayerContext::AddParameter(const ParameterRequest& request, Layer* layer) const {
  ParameterSpec spec;
  spec.name = absl::StrCat(name_, "/", ToAbsl(request.name));
  spec.role = request.role;
  constexpr auto kElementsMax = static_cast<int64_t>(kTableElementsMax);
  absl::StatusOr<int64_t> elements = CheckedProduct(request.dims, kElementsMax, "a table");
  if (!elements.ok()) return Error(absl::StrCat("its ", ToAbsl(request.name), ": ", elements.status().message()));
  spec.elements = *elements;
  DP_ASSIGN_OR_RETURN(spec.shape, ShapeOf(request.dims));
  spec.initializer = request.default_initializer;
  if (const ParameterConfig* config = request.config; config != nullptr) {
    if (config->initializer().kind_case() != InitializerConfig::KIND_NOT_SET) spec.initializer = config->initializer();
    const std::string field = absl::StrCat(ToAbsl(request.name), ".");
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (config->has_learning_rate_multiplier()) {
      spec.learning_rate_multiplier = config->learning_rate_multiplier();
      DP_RETURN_IF_ERROR(CheckNumber(field + "learning_rate_multiplier", spec.learning_rate_multiplier, 0, kInfinity));
    }
    if (config->has_weight_decay()) {
      spec.weight_decay = config->weight_decay();
      DP_RETURN_IF_ERROR(CheckNumber(field + "weight_decay", *spec.weight_decay, 0, kInfinity));
    }
  }
  layer->parameters.push_back(std::move(spec));
  return absl::OkStatus();
}

}  // namespace downpour
