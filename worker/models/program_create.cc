#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/models/memory_plan.h"
#include "worker/models/program.h"
#include "worker/models/program_state.h"

namespace downpour {
namespace {

// Sizes of a program are refused from here on, long before they overflow.
constexpr int64_t kProgramBytesMax = int64_t{1} << 46;

size_t Rounded(size_t bytes) { return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment; }

absl::Status CheckSizes(const Graph& graph, const ProgramOptions& options) {
  if (options.batch_max < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the batch of the program is ", options.batch_max, "; it must be at least 1"));
  }
  double bytes = 0;
  for (const Graph::Tensor& tensor : graph.tensors()) {
    bytes += static_cast<double>(tensor.type.elements) * static_cast<double>(options.batch_max) *
             static_cast<double>(DTypeSize(options.compute));
  }
  for (const Graph::Parameter& parameter : graph.parameters()) {
    bytes += static_cast<double>(parameter.spec->elements) * sizeof(double);
  }
  if (bytes > static_cast<double>(kProgramBytesMax)) {
    return absl::InvalidArgumentError(absl::StrCat("the model with a batch of ", options.batch_max, " would take ",
                                                   bytes, " bytes, more than any machine has; make the batch smaller"));
  }
  return absl::OkStatus();
}

KernelSpec SpecOf(const Graph& graph, const std::vector<size_t>& layers, const ProgramOptions& options,
                  const std::vector<bool>& wanted) {
  KernelSpec spec;
  for (size_t i = 0; i < layers.size(); ++i) {
    spec.chain.push_back(&graph.layers()[layers[i]]);
    const std::span<const TensorId> inputs = graph.InputsOf(layers[i]);
    for (size_t k = i == 0 ? 0 : 1; k < inputs.size(); ++k) {
      spec.input_gradients.push_back(options.training && wanted[inputs[k]]);
    }
  }
  spec.compute = options.compute;
  spec.batch_max = options.batch_max;
  spec.training = options.training;
  return spec;
}

}  // namespace

Program::Program(std::unique_ptr<State> state) : state_(std::move(state)) {}

// Work that is under way uses the memory that ends now.
Program::~Program() { state_->device->Synchronize().IgnoreError(); }

absl::StatusOr<std::unique_ptr<Program>> Program::Create(std::shared_ptr<const Graph> graph, Device* device,
                                                         const ProgramOptions& options) {
  DP_RETURN_IF_ERROR(CheckSizes(*graph, options));
  if (options.training && graph->losses().empty()) {
    return absl::InvalidArgumentError(
        "the model has no loss, so it cannot be trained: add one, such as softmax_cross_entropy");
  }
  auto state = std::make_unique<State>();
  state->graph = std::move(graph);
  state->device = device;
  state->options = options;
  state->parameter_dtype = options.compute == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  state->records = options.record && device->description().can_record;
  DP_RETURN_IF_ERROR(state->MakeNodes());
  DP_RETURN_IF_ERROR(state->MakeKernels());
  DP_RETURN_IF_ERROR(state->PlaceParameters());
  DP_RETURN_IF_ERROR(state->PlanTensors());
  DP_RETURN_IF_ERROR(state->AllocateAll());
  DP_RETURN_IF_ERROR(state->MakeEvents());
  state->OrderGradients();
  return std::unique_ptr<Program>(new Program(std::move(state)));
}

absl::Status Program::State::MakeNodes() {
  if (!options.fuse) {
    nodes = UnfusedNodes(*graph);
    return absl::OkStatus();
  }
  std::vector<bool> kept(graph->tensors().size());
  for (const TensorId output : graph->outputs()) kept[output] = true;
  const std::vector<bool> wanted = TensorsWithGradient(*graph, options.input_gradients);
  nodes = FusedNodes(*graph, kept, [&](const std::vector<size_t>& layers) {
    return device->Fuses(SpecOf(*graph, layers, options, wanted));
  });
  return absl::OkStatus();
}

absl::Status Program::State::MakeKernels() {
  const std::vector<bool> wanted = TensorsWithGradient(*graph, options.input_gradients);
  states.resize(nodes.size());
  std::vector<NodeTraits> traits(nodes.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (IsView(graph->layers()[nodes[i].layers.back()])) continue;
    absl::StatusOr<std::unique_ptr<Kernel>> kernel =
        device->CreateKernel(SpecOf(*graph, nodes[i].layers, options, wanted));
    if (!kernel.ok()) return Annotate(kernel.status(), absl::StrCat("layer ", NodeName(*graph, nodes[i])));
    const KernelNeeds& needs = (*kernel)->needs();
    traits[i] = {.backward_reads_inputs = needs.backward_reads_inputs,
                 .backward_reads_output = needs.backward_reads_output,
                 .forward_in_place = needs.forward_in_place,
                 .backward_in_place = needs.backward_in_place,
                 .accumulates = needs.accumulates};
    memory.workspace = std::max(memory.workspace, needs.workspace);
    memory.prepared += Rounded(needs.prepared);
    states[i].kernel = *std::move(kernel);
  }
  schedule = MakeSchedule(*graph, nodes, traits, options.training, options.input_gradients);
  return absl::OkStatus();
}

absl::Status Program::State::PlaceParameters() {
  for (const Graph::Parameter& parameter : graph->parameters()) {
    parameter_offsets.push_back(memory.parameters);
    memory.parameters += Rounded(static_cast<size_t>(parameter.spec->elements) * DTypeSize(parameter_dtype));
  }
  memory.gradients = options.training ? memory.parameters : 0;
  node_of_parameter.resize(graph->parameters().size());
  for (size_t node = 0; node < nodes.size(); ++node) {
    for (const size_t layer : nodes[node].layers) {
      for (size_t i = 0; i < graph->layers()[layer].parameters.size(); ++i) {
        const size_t parameter = graph->FirstParameterOf(layer) + i;
        states[node].parameters.push_back(parameter);
        node_of_parameter[parameter] = node;
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Program::State::PlanTensors() {
  std::vector<BufferLife> lives;
  for (const Slot& slot : schedule.slots) {
    const auto elements = static_cast<size_t>(slot.elements) * static_cast<size_t>(options.batch_max);
    lives.push_back({.bytes = elements * ElementBytes(), .first = slot.first, .last = slot.last});
  }
  for (size_t node = 0; node < nodes.size(); ++node) {
    const size_t bytes = states[node].kernel == nullptr ? 0 : states[node].kernel->needs().saved;
    lives.push_back({.bytes = bytes, .first = node, .last = schedule.last_moment_of_node[node]});
  }
  MemoryPlan plan = PlanMemory(lives, kBufferAlignment);
  memory.tensors = plan.bytes;
  memory.tensors_unplanned = PlanWithoutReuse(lives, kBufferAlignment).bytes;
  const auto split = plan.offsets.begin() + static_cast<std::ptrdiff_t>(schedule.slots.size());
  slot_offsets.assign(plan.offsets.begin(), split);
  saved_offsets.assign(split, plan.offsets.end());
  return absl::OkStatus();
}

absl::Status Program::State::AllocateAll() {
  const size_t losses_bytes = graph->losses().size() * sizeof(LossResult);
  const size_t step_bytes = sizeof(StepRandom) + losses_bytes;
  DP_ASSIGN_OR_RETURN(weights, device->Allocate(memory.parameters, "the weights"));
  DP_ASSIGN_OR_RETURN(gradients, device->Allocate(memory.gradients, "the gradients of the weights"));
  DP_ASSIGN_OR_RETURN(prepared, device->Allocate(memory.prepared, "prepared weights"));
  DP_ASSIGN_OR_RETURN(
      tensors,
      device->Allocate(memory.tensors, absl::StrCat("the tensors between layers of a batch of ", options.batch_max)));
  DP_ASSIGN_OR_RETURN(workspace, device->Allocate(memory.workspace, "the workspace of kernels"));
  DP_ASSIGN_OR_RETURN(random, device->Allocate(sizeof(StepRandom), "the numbers of a step"));
  DP_ASSIGN_OR_RETURN(losses, device->Allocate(losses_bytes, "the losses"));
  DP_ASSIGN_OR_RETURN(staging, device->AllocateStaging(kResultsKept * step_bytes, "the results of steps"));
  device->Zero(Queue::kCompute, weights.data(), weights.size());
  device->Zero(Queue::kCompute, gradients.data(), gradients.size());

  size_t prepared_offset = 0;
  for (size_t node = 0; node < nodes.size(); ++node) {
    NodeState& state = states[node];
    for (const size_t parameter : state.parameters) {
      state.weights.push_back(weights.As<std::byte>() + parameter_offsets[parameter]);
      if (options.training) state.gradients.push_back(gradients.As<std::byte>() + parameter_offsets[parameter]);
    }
    if (state.kernel == nullptr) continue;
    const KernelNeeds& needs = state.kernel->needs();
    if (needs.prepared > 0) state.prepared = prepared.As<std::byte>() + prepared_offset;
    prepared_offset += Rounded(needs.prepared);
    if (needs.saved > 0) state.saved = tensors.As<std::byte>() + saved_offsets[node];
  }
  for (size_t i = 0; i < graph->losses().size(); ++i) {
    for (size_t node = 0; node < nodes.size(); ++node) {
      if (nodes[node].layers.back() == graph->losses()[i]) states[node].loss = losses.As<LossResult>() + i;
    }
  }
  for (size_t i = 0; i < kResultsKept; ++i) {
    std::byte* const memory_of_step = staging.As<std::byte>() + i * step_bytes;
    step_slots[i].random = reinterpret_cast<StepRandom*>(memory_of_step);
    step_slots[i].losses = reinterpret_cast<LossResult*>(memory_of_step + sizeof(StepRandom));
  }
  // Nobody else has to order his copies by the zeros.
  return device->Synchronize();
}

absl::Status Program::State::MakeEvents() {
  for (NodeState& state : states) {
    if (state.parameters.empty()) continue;
    DP_ASSIGN_OR_RETURN(state.done, device->CreateEvent());
  }
  DP_ASSIGN_OR_RETURN(forward_done, device->CreateEvent());
  for (StepSlot& slot : step_slots) {
    DP_ASSIGN_OR_RETURN(slot.finished, device->CreateEvent());
  }
  return absl::OkStatus();
}

bool Program::State::HasEntry(size_t node) const {
  return std::any_of(schedule.backward.begin(), schedule.backward.end(),
                     [node](const BackwardEntry& entry) { return entry.node == node && entry.calls_kernel; });
}

// States are complete after forward, and so are the gradients that stay zero, of what no loss depends on.
void Program::State::OrderGradients() {
  for (size_t parameter = 0; parameter < graph->parameters().size(); ++parameter) {
    const bool state = graph->parameters()[parameter].spec->role == ParameterSpec::Role::kState;
    if (state || !HasEntry(node_of_parameter[parameter])) gradient_order.push_back(parameter);
  }
  early_gradients = gradient_order.size();
  for (const BackwardEntry& entry : schedule.backward) {
    for (const size_t parameter : states[entry.node].parameters) {
      const bool state = graph->parameters()[parameter].spec->role == ParameterSpec::Role::kState;
      if (!state) gradient_order.push_back(parameter);
    }
  }
}

}  // namespace downpour
