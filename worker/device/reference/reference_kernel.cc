#include "worker/device/reference/reference_kernel.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/device/reference/elements.h"

namespace downpour::reference {
namespace {

constexpr size_t kWorkspaceBytes = 1024;

template <typename T>
std::vector<std::remove_const_t<T>> Copied(std::span<T> span) {
  return {span.begin(), span.end()};
}

bool SameSize(const TensorType& a, const TensorType& b) {
  return a.elements == b.elements && a.element_type == b.element_type;
}

}  // namespace

ReferenceKernel::ReferenceKernel(const KernelSpec& spec, const ReferenceDeviceOptions& options, KernelHost host)
    : spec_(spec),
      parameter_dtype_(spec.compute == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32),
      host_(std::move(host)),
      inputs_(KernelInputs(spec)) {
  size_t input = 0;
  for (const Layer* layer : spec_.chain) {
    first_input_.push_back(input);
    input += layer->inputs.size() - (layer == spec_.chain.front() ? 0 : 1);
    first_parameter_.push_back(parameters_.size());
    for (const ParameterSpec& parameter : layer->parameters) parameters_.push_back(&parameter);
  }
  int64_t elements = 0;
  for (const ParameterSpec* parameter : parameters_) elements += parameter->elements;
  needs_.prepared = static_cast<size_t>(elements) * sizeof(double);
  needs_.saved = spec.training ? 2 * sizeof(double) : 0;
  needs_.workspace = kWorkspaceBytes;
  const Layer& only = *spec_.chain.front();
  // A chain computes everything again from its inputs.
  const bool fused = spec_.chain.size() > 1;
  needs_.backward_reads_inputs = fused || only.backward_reads.inputs;
  needs_.backward_reads_output = !fused && only.backward_reads.output;
  const bool same_size = !IsLoss(*spec.chain.back()) && SameSize(inputs_[0], KernelOutput(spec));
  needs_.forward_in_place = options.in_place && same_size;
  needs_.backward_in_place = options.in_place && same_size;
  needs_.accumulates = options.accumulates;
}

std::string ReferenceKernel::Name() const {
  return absl::StrCat("layer ", spec_.chain.back()->name, " (", spec_.chain.back()->kind, ")");
}

void ReferenceKernel::Prepare(std::span<const void* const> parameters, void* prepared, void* workspace) {
  host_.enqueue([this, from = Copied(parameters), prepared, workspace] {
    auto* to = static_cast<double*>(prepared);
    for (size_t i = 0; i < from.size(); ++i) {
      const std::vector<double> values = LoadElements(parameter_dtype_, from[i], parameters_[i]->elements);
      to = std::copy(values.begin(), values.end(), to);
    }
    Scribble(workspace);
  });
}

void ReferenceKernel::Forward(const ForwardCall& call) {
  host_.enqueue([this, call, inputs = Copied(call.inputs), updates = Copied(call.parameter_gradients)] {
    ForwardCall own = call;
    own.inputs = inputs;
    RunForward(own, updates);
  });
}

void ReferenceKernel::Backward(const BackwardCall& call) {
  host_.enqueue([this, call, inputs = Copied(call.inputs), input_gradients = Copied(call.input_gradients),
                 accumulate = Copied(call.accumulate), gradients = Copied(call.parameter_gradients)] {
    BackwardCall own = call;
    own.inputs = inputs;
    own.input_gradients = input_gradients;
    const std::unique_ptr<bool[]> flags(new bool[accumulate.size()]);
    std::copy(accumulate.begin(), accumulate.end(), flags.get());
    own.accumulate = std::span<const bool>(flags.get(), accumulate.size());
    own.parameter_gradients = gradients;
    RunBackward(own);
  });
}

ReferenceKernel::Values ReferenceKernel::Load(int64_t batch, std::span<const void* const> inputs,
                                              const void* prepared) const {
  Values values;
  values.inputs.resize(inputs_.size());
  values.operands.resize(inputs_.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    const int64_t count = batch * inputs_[i].elements;
    if (inputs_[i].element_type == ElementType::kIndex) {
      values.operands[i].index = {static_cast<const int32_t*>(inputs[i]), static_cast<size_t>(count)};
    } else {
      values.inputs[i] = LoadElements(spec_.compute, inputs[i], count);
      values.operands[i].real = values.inputs[i];
    }
  }
  const auto* from = static_cast<const double*>(prepared);
  for (const ParameterSpec* parameter : parameters_) {
    values.parameters.emplace_back(from, from + parameter->elements);
    from += parameter->elements;
  }
  return values;
}

std::vector<Operand> ReferenceKernel::OperandsOf(size_t layer, const Values& values) const {
  std::vector<Operand> operands;
  if (layer > 0) operands.push_back({.real = values.outputs[layer - 1], .index = {}});
  const size_t own = spec_.chain[layer]->inputs.size() - operands.size();
  for (size_t i = 0; i < own; ++i) operands.push_back(values.operands[first_input_[layer] + i]);
  return operands;
}

std::vector<std::span<const double>> ReferenceKernel::ParametersOf(size_t layer, const Values& values) const {
  const auto begin = values.parameters.begin() + static_cast<std::ptrdiff_t>(first_parameter_[layer]);
  return {begin, begin + static_cast<std::ptrdiff_t>(spec_.chain[layer]->parameters.size())};
}

void ReferenceKernel::RunLayers(const ForwardCall& call, std::span<void* const> updates, Values* values) {
  for (size_t l = 0; l < spec_.chain.size(); ++l) {
    const Layer& layer = *spec_.chain[l];
    const size_t parameter_count = layer.parameters.size();
    values->outputs.emplace_back(IsLoss(layer) ? 0 : static_cast<size_t>(call.batch * layer.output.elements));
    std::vector<std::vector<double>> layer_updates(parameter_count);
    ForwardMath math{.layer = layer,
                     .mode = call.mode,
                     .batch = call.batch,
                     .random = *call.random,
                     .inputs = OperandsOf(l, *values),
                     .parameters = ParametersOf(l, *values),
                     .output = values->outputs.back(),
                     .loss = call.loss,
                     .updates = {},
                     .error = {}};
    for (size_t i = 0; i < parameter_count; ++i) {
      const bool state = layer.parameters[i].role == ParameterSpec::Role::kState;
      if (state) layer_updates[i].resize(static_cast<size_t>(layer.parameters[i].elements));
      math.updates.emplace_back(layer_updates[i]);
    }
    reference::Forward(math);
    if (!math.error.empty()) host_.fail(absl::StrCat(Name(), ": ", math.error));
    if (call.mode == Mode::kEvaluate || updates.empty()) continue;
    for (size_t i = 0; i < parameter_count; ++i) {
      if (!layer_updates[i].empty()) {
        StoreElements(parameter_dtype_, layer_updates[i], updates[first_parameter_[l] + i]);
      }
    }
  }
}

void ReferenceKernel::RunForward(const ForwardCall& call, std::span<void* const> updates) {
  Values values = Load(call.batch, call.inputs, call.prepared);
  RunLayers(call, updates, &values);
  if (!IsLoss(*spec_.chain.back())) StoreElements(spec_.compute, values.outputs.back(), call.output);
  if (call.mode == Mode::kTrain) {
    stamp_ += 1;
    const double saved[2] = {stamp_, static_cast<double>(call.batch)};
    std::memcpy(call.saved, saved, sizeof(saved));
  }
  Scribble(call.workspace);
}

void ReferenceKernel::CheckSaved(const void* saved, int64_t batch) {
  double kept[2];
  std::memcpy(kept, saved, sizeof(kept));
  if (kept[0] == stamp_ && kept[1] == static_cast<double>(batch)) return;
  host_.fail(absl::StrCat(Name(), ": what forward saved was overwritten before backward, or is of another batch"));
}

void ReferenceKernel::RunBackward(const BackwardCall& call) {
  CheckSaved(call.saved, call.batch);
  Values values = Load(call.batch, call.inputs, call.prepared);
  std::vector<double> output;
  if (spec_.chain.size() > 1) {
    LossResult ignored;
    ForwardCall again;
    again.batch = call.batch;
    again.loss = &ignored;
    again.random = call.random;
    RunLayers(again, {}, &values);
    output = values.outputs.back();
  } else if (call.output != nullptr) {
    output = LoadElements(spec_.compute, call.output, call.batch * KernelOutput(spec_).elements);
  }
  std::vector<double> gradient;
  if (call.output_gradient != nullptr) {
    gradient = LoadElements(spec_.compute, call.output_gradient, call.batch * KernelOutput(spec_).elements);
  }
  BackwardLayers(call, values, std::move(output), std::move(gradient));
  Scribble(call.workspace);
}

void ReferenceKernel::BackwardLayers(const BackwardCall& call, const Values& values, std::vector<double> output,
                                     std::vector<double> gradient) {
  for (size_t l = spec_.chain.size(); l-- > 0;) {
    const Layer& layer = *spec_.chain[l];
    const size_t own = l == 0 ? 0 : 1;  // the first input that is the chain's
    std::vector<std::vector<double>> input_gradients(layer.inputs.size()), gradients(layer.parameters.size());
    BackwardMath math{.layer = layer,
                      .batch = call.batch,
                      .random = *call.random,
                      .inputs = OperandsOf(l, values),
                      .output = l + 1 == spec_.chain.size() ? output : values.outputs[l],
                      .output_gradient = gradient,
                      .parameters = ParametersOf(l, values),
                      .input_gradients = {},
                      .parameter_gradients = {}};
    for (size_t i = 0; i < layer.inputs.size(); ++i) {
      const bool wanted = i < own || call.input_gradients[first_input_[l] + i - own] != nullptr;
      if (wanted) input_gradients[i].resize(static_cast<size_t>(call.batch * layer.inputs[i].elements));
      math.input_gradients.emplace_back(input_gradients[i]);
    }
    for (size_t i = 0; i < layer.parameters.size(); ++i) {
      const bool trained = layer.parameters[i].role == ParameterSpec::Role::kTrained;
      if (trained) gradients[i].resize(static_cast<size_t>(layer.parameters[i].elements));
      math.parameter_gradients.emplace_back(gradients[i]);
    }
    reference::Backward(math);
    for (size_t i = own; i < layer.inputs.size(); ++i) {
      const size_t at = first_input_[l] + i - own;
      void* const to = call.input_gradients[at];
      if (to == nullptr) continue;
      if (call.accumulate[at]) {
        const std::vector<double> before =
            LoadElements(spec_.compute, to, static_cast<int64_t>(input_gradients[i].size()));
        for (size_t k = 0; k < before.size(); ++k) input_gradients[i][k] += before[k];
      }
      StoreElements(spec_.compute, input_gradients[i], to);
    }
    for (size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i].empty()) {
        StoreElements(parameter_dtype_, gradients[i], call.parameter_gradients[first_parameter_[l] + i]);
      }
    }
    if (own == 1) gradient = std::move(input_gradients[0]);
  }
}

void ReferenceKernel::Scribble(void* workspace) const { std::memset(workspace, 0xff, kWorkspaceBytes); }

}  // namespace downpour::reference
