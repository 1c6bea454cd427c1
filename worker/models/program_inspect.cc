#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "worker/models/program.h"
#include "worker/models/program_state.h"

namespace downpour {

const Graph& Program::graph() const { return *state_->graph; }
const ProgramOptions& Program::options() const { return state_->options; }
Device& Program::device() { return *state_->device; }
std::span<const Node> Program::nodes() const { return state_->nodes; }
ProgramMemory Program::memory() const { return state_->memory; }
DType Program::parameter_dtype() const { return state_->parameter_dtype; }

void* Program::weights(size_t parameter) {
  return state_->weights.As<std::byte>() + state_->parameter_offsets[parameter];
}

void* Program::gradient(size_t parameter) {
  if (!state_->options.training) return nullptr;
  return state_->gradients.As<std::byte>() + state_->parameter_offsets[parameter];
}

size_t Program::parameter_offset(size_t parameter) const { return state_->parameter_offsets[parameter]; }
void* Program::weights_block() { return state_->weights.data(); }
void* Program::gradients_block() { return state_->gradients.data(); }
size_t Program::block_bytes() const { return state_->weights.size(); }

void Program::WeightsChanged(size_t parameter) {
  state_->states[state_->node_of_parameter[parameter]].weights_changed = true;
}

void Program::WeightsChanged() {
  for (State::NodeState& state : state_->states) state.weights_changed = true;
}

std::span<const size_t> Program::gradient_order() const { return state_->gradient_order; }

Event& Program::gradient_event(size_t parameter) {
  const size_t node = state_->node_of_parameter[parameter];
  const bool is_state = state_->graph->parameters()[parameter].spec->role == ParameterSpec::Role::kState;
  return is_state || !state_->HasEntry(node) ? *state_->forward_done : *state_->states[node].done;
}

Event& Program::finished_event() {
  const uint64_t last = state_->steps == 0 ? 0 : state_->steps - 1;
  return *state_->step_slots[last % kResultsKept].finished;
}

const void* Program::output(size_t i) const {
  const Place place = state_->schedule.values[state_->graph->outputs()[i]];
  // An output may be an input, or a view of one.
  if (place.kind == Place::Kind::kInput && state_->steps == 0) return nullptr;
  return state_->At(place, state_->last_batch);
}

const void* Program::input_gradient(size_t i) const { return state_->At(state_->schedule.gradients[i]); }

namespace {

int64_t ElementsOf(const Graph& graph, TensorId tensor) { return graph.tensors()[tensor].type.elements; }

}  // namespace

absl::StatusOr<std::string> Program::FindNonFinite(const Batch& batch, uint64_t step) {
  State& state = *state_;
  const Graph& graph = *state.graph;
  if (!state.options.training) return absl::FailedPreconditionError("this program was made for evaluation");

  // One flag for each thing that is looked at, in the order of computing.
  struct Search : State::Observer {
    State* state = nullptr;
    const Batch* batch = nullptr;
    int32_t* flags = nullptr;  // device memory; null: only count
    std::vector<std::string> names;

    void Look(std::string name, DType dtype, const void* data, int64_t count) {
      if (flags != nullptr) {
        state->device->FlagNonFinite(Queue::kCompute, dtype, data, count, flags + names.size());
      }
      names.push_back(std::move(name));
    }

    void AfterForward(const ForwardEntry& entry) override {
      const Node& node = state->nodes[entry.node];
      if (entry.output.kind != Place::Kind::kSlot) return;
      Look(absl::StrCat("output of layer ", NodeName(*state->graph, node)), state->options.compute,
           state->At(entry.output), batch->size * ElementsOf(*state->graph, node.output));
    }

    void AfterBackward(const BackwardEntry& entry) override {
      const Node& node = state->nodes[entry.node];
      if (!entry.calls_kernel) return;
      for (const size_t parameter : state->states[entry.node].parameters) {
        const ParameterSpec& spec = *state->graph->parameters()[parameter].spec;
        Look(absl::StrCat("gradient of ", spec.name), state->parameter_dtype,
             state->gradients.As<std::byte>() + state->parameter_offsets[parameter], spec.elements);
      }
      for (size_t i = 0; i < entry.input_gradients.size(); ++i) {
        if (entry.input_gradients[i].kind != Place::Kind::kSlot) continue;
        Look(absl::StrCat("gradient of the input of layer ", NodeName(*state->graph, node)), state->options.compute,
             state->At(entry.input_gradients[i]), batch->size * ElementsOf(*state->graph, node.inputs[i]));
      }
    }
  };
  const auto look_at_all = [&](Search& search) {
    for (TensorId input = 0; input < graph.input_count(); ++input) {
      const Graph::Tensor& tensor = graph.tensors()[input];
      if (tensor.type.element_type != ElementType::kReal) continue;
      search.Look(absl::StrCat("input ", tensor.name), state.options.compute, batch.inputs[input],
                  batch.size * tensor.type.elements);
    }
    for (size_t parameter = 0; parameter < graph.parameters().size(); ++parameter) {
      const ParameterSpec& spec = *graph.parameters()[parameter].spec;
      search.Look(absl::StrCat("weights ", spec.name), state.parameter_dtype,
                  state.weights.As<std::byte>() + state.parameter_offsets[parameter], spec.elements);
    }
  };

  DP_RETURN_IF_ERROR(state.CheckBatch(batch));
  Search count;
  count.state = &state;
  count.batch = &batch;
  look_at_all(count);
  for (const ForwardEntry& entry : state.schedule.forward) count.AfterForward(entry);
  const size_t forward_count = count.names.size();
  for (const BackwardEntry& entry : state.schedule.backward) count.AfterBackward(entry);

  const size_t bytes = count.names.size() * sizeof(int32_t);
  DP_ASSIGN_OR_RETURN(const Buffer flags, state.device->Allocate(bytes, "the search for a non-finite value"));
  DP_ASSIGN_OR_RETURN(const Buffer found, state.device->AllocateStaging(bytes, "the search for a non-finite value"));
  state.device->Zero(Queue::kCompute, flags.data(), bytes);
  Search search;
  search.state = &state;
  search.batch = &batch;
  search.flags = flags.As<int32_t>();
  DP_RETURN_IF_ERROR(state.BeginStep(batch, step));
  look_at_all(search);
  state.EnqueueTrain(batch, /*prepare_all=*/false, nullptr, &search);
  state.device->CopyOut(Queue::kCompute, found.data(), flags.data(), bytes);
  state.EndStep();
  DP_ASSIGN_OR_RETURN(const StepResult result, Result());
  for (size_t i = 0; i < search.names.size(); ++i) {
    if (i == forward_count) {
      for (size_t loss = 0; loss < result.losses.size(); ++loss) {
        if (std::isfinite(result.losses[loss].loss)) continue;
        return absl::StrCat("output of layer ", graph.layers()[graph.losses()[loss]].name);
      }
    }
    if (found.As<int32_t>()[i] != 0) return search.names[i];
  }
  return std::string();
}

absl::StatusOr<std::vector<NodeTime>> Program::TimeNodes(const Batch& batch, uint64_t step, int steps) {
  State& state = *state_;
  if (!state.options.training) return absl::FailedPreconditionError("this program was made for evaluation");
  if (steps < 1) return absl::InvalidArgumentError(absl::StrCat("cannot time ", steps, " steps"));

  // Two events for each of the two passes of each node.
  struct Watch : State::Observer {
    State* state = nullptr;
    std::vector<std::unique_ptr<Event>> events;
    void Mark(size_t node, size_t which) { state->device->Record(Queue::kCompute, *events[4 * node + which]); }
    void BeforeForward(const ForwardEntry& entry) override { Mark(entry.node, 0); }
    void AfterForward(const ForwardEntry& entry) override { Mark(entry.node, 1); }
    void BeforeBackward(const BackwardEntry& entry) override { Mark(entry.node, 2); }
    void AfterBackward(const BackwardEntry& entry) override { Mark(entry.node, 3); }
  };
  Watch watch;
  watch.state = &state;
  for (size_t i = 0; i < 4 * state.nodes.size(); ++i) {
    DP_ASSIGN_OR_RETURN(std::unique_ptr<Event> event, state.device->CreateEvent(/*timed=*/true));
    watch.events.push_back(std::move(event));
  }
  std::vector<NodeTime> times(state.nodes.size());
  for (size_t node = 0; node < times.size(); ++node) times[node].name = NodeName(*state.graph, state.nodes[node]);
  for (int i = 0; i < steps; ++i) {
    DP_RETURN_IF_ERROR(state.BeginStep(batch, step + static_cast<uint64_t>(i)));
    state.EnqueueTrain(batch, /*prepare_all=*/false, nullptr, &watch);
    state.EndStep();
    DP_RETURN_IF_ERROR(state.device->Synchronize());
    const auto add = [&](size_t node, size_t which, double* total) -> absl::Status {
      DP_ASSIGN_OR_RETURN(const double seconds, state.device->SecondsBetween(*watch.events[4 * node + which],
                                                                             *watch.events[4 * node + which + 1]));
      *total += seconds / steps;
      return absl::OkStatus();
    };
    for (const ForwardEntry& entry : state.schedule.forward) {
      DP_RETURN_IF_ERROR(add(entry.node, 0, &times[entry.node].forward_seconds));
    }
    for (const BackwardEntry& entry : state.schedule.backward) {
      DP_RETURN_IF_ERROR(add(entry.node, 2, &times[entry.node].backward_seconds));
    }
  }
  return times;
}

}  // namespace downpour
