#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/log.h"
#include "common/base/status.h"
#include "worker/models/program.h"
#include "worker/models/program_state.h"

namespace downpour {
namespace {

// Steps recorded for more sets of addresses than this are enqueued call by call.
constexpr size_t kRecordedStepsMax = 16;

}  // namespace

void* Program::State::At(const Place& place) const {
  return place.kind == Place::Kind::kSlot ? tensors.As<std::byte>() + slot_offsets[place.index] : nullptr;
}

const void* Program::State::At(const Place& place, const Batch& batch) const {
  return place.kind == Place::Kind::kInput ? batch.inputs[place.index] : At(place);
}

absl::Status Program::State::CheckBatch(const Batch& batch) const {
  if (batch.size < 1 || batch.size > options.batch_max) {
    return absl::InvalidArgumentError(
        absl::StrCat("the batch has ", batch.size, " examples; this program takes 1 to ", options.batch_max));
  }
  if (batch.inputs.size() != graph->input_count()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the batch has ", batch.inputs.size(), " inputs; the model takes ", graph->input_count()));
  }
  for (size_t i = 0; i < batch.inputs.size(); ++i) {
    if (batch.inputs[i] == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("the batch has a null address for the input ", graph->inputs()[i].name));
    }
  }
  return device->Status();
}

absl::Status Program::State::BeginStep(const Batch& batch, uint64_t step) {
  DP_RETURN_IF_ERROR(CheckBatch(batch));
  StepSlot& slot = step_slots[steps % kResultsKept];
  DP_RETURN_IF_ERROR(slot.finished->Wait());  // of kResultsKept steps ago
  slot.examples = batch.size;
  last_batch = batch;
  *slot.random = {.seed = options.seed, .step = step};
  device->CopyIn(Queue::kCompute, random.data(), slot.random, sizeof(StepRandom));
  return absl::OkStatus();
}

void Program::State::EndStep() {
  StepSlot& slot = step_slots[steps % kResultsKept];
  device->CopyOut(Queue::kCompute, slot.losses, losses.data(), losses.size());
  device->Record(Queue::kCompute, *slot.finished);
  ++steps;
}

void Program::State::EnqueuePrepare(bool all) {
  for (NodeState& state : states) {
    if (state.prepared != nullptr && (all || state.weights_changed)) {
      state.kernel->Prepare(state.weights, state.prepared, workspace.data());
    }
    state.weights_changed = false;
  }
}

void Program::State::EnqueueForward(Mode mode, const Batch& batch, Observer* observer) {
  std::vector<const void*> inputs;
  for (const ForwardEntry& entry : schedule.forward) {
    const NodeState& state = states[entry.node];
    inputs.clear();
    for (const Place& place : entry.inputs) inputs.push_back(At(place, batch));
    ForwardCall call;
    call.mode = mode;
    call.batch = batch.size;
    call.inputs = inputs;
    call.output = At(entry.output);
    call.loss = state.loss;
    call.parameters = state.weights;
    call.parameter_gradients = state.gradients;
    call.prepared = state.prepared;
    call.saved = state.saved;
    call.workspace = workspace.data();
    call.random = random.As<StepRandom>();
    if (observer != nullptr) observer->BeforeForward(entry);
    state.kernel->Forward(call);
    if (observer != nullptr) observer->AfterForward(entry);
  }
}

void Program::State::EnqueueBackward(const Batch& batch, const GradientCallback* on_gradient, Observer* observer) {
  const auto report = [on_gradient](size_t parameter) {
    if (on_gradient != nullptr && *on_gradient != nullptr) (*on_gradient)(parameter);
  };
  device->Record(Queue::kCompute, *forward_done);
  for (size_t i = 0; i < early_gradients; ++i) report(gradient_order[i]);
  std::vector<const void*> inputs;
  std::vector<void*> input_gradients;
  for (const BackwardEntry& entry : schedule.backward) {
    const NodeState& state = states[entry.node];
    if (observer != nullptr) observer->BeforeBackward(entry);
    if (entry.calls_kernel) {
      inputs.clear();
      input_gradients.clear();
      for (const Place& place : entry.inputs) inputs.push_back(At(place, batch));
      for (const Place& place : entry.input_gradients) input_gradients.push_back(At(place));
      const std::unique_ptr<bool[]> accumulate(new bool[entry.accumulate.size()]);
      std::copy(entry.accumulate.begin(), entry.accumulate.end(), accumulate.get());
      BackwardCall call;
      call.batch = batch.size;
      call.inputs = inputs;
      call.output = At(entry.output, batch);
      call.output_gradient = At(entry.output_gradient);
      call.input_gradients = input_gradients;
      call.accumulate = {accumulate.get(), entry.accumulate.size()};
      call.parameters = state.weights;
      call.parameter_gradients = state.gradients;
      call.prepared = state.prepared;
      call.saved = state.saved;
      call.workspace = workspace.data();
      call.random = random.As<StepRandom>();
      state.kernel->Backward(call);
    }
    for (const BackwardEntry::Sum& sum : entry.sums) {
      const int64_t count = batch.size * sum.elements;
      if (sum.copy_first) {
        device->Copy(Queue::kCompute, At(sum.to), At(sum.into), static_cast<size_t>(count) * ElementBytes());
      }
      device->Accumulate(Queue::kCompute, options.compute, At(sum.to), At(sum.from), count);
    }
    if (observer != nullptr) observer->AfterBackward(entry);
    if (state.parameters.empty() || !entry.calls_kernel) continue;
    device->Record(Queue::kCompute, *state.done);
    for (const size_t parameter : state.parameters) {
      if (graph->parameters()[parameter].spec->role == ParameterSpec::Role::kTrained) report(parameter);
    }
  }
}

void Program::State::EnqueueTrain(const Batch& batch, bool prepare_all, const GradientCallback* on_gradient,
                                  Observer* observer) {
  EnqueuePrepare(prepare_all);
  EnqueueForward(Mode::kTrain, batch, observer);
  EnqueueBackward(batch, on_gradient, observer);
}

Program::State::RecordedStep* Program::State::FindRecorded(const Batch& batch) {
  for (RecordedStep& step : recorded) {
    if (step.batch.size == batch.size && step.batch.inputs == batch.inputs) return &step;
  }
  if (recorded.size() == kRecordedStepsMax) return nullptr;
  recorded.push_back({batch, nullptr});
  return nullptr;  // the first time libraries may still set themselves up: enqueued call by call
}

absl::Status Program::State::TrainRecorded(const Batch& batch, const GradientCallback& on_gradient, bool* done) {
  *done = false;
  RecordedStep* const step = FindRecorded(batch);
  if (step == nullptr) return absl::OkStatus();
  if (step->recording == nullptr) {
    absl::StatusOr<std::unique_ptr<Recording>> recording =
        device->RecordWork([&] { EnqueueTrain(batch, /*prepare_all=*/true, nullptr, nullptr); });
    if (!recording.ok()) {
      DP_LOG(WARNING) << device->description().name
                      << ": steps are not recorded, and cost more of the host's time: " << recording.status();
      records = false;
      for (NodeState& state : states) state.weights_changed = true;
      return device->Status();
    }
    step->recording = *std::move(recording);
  }
  device->Replay(*step->recording);
  for (NodeState& state : states) state.weights_changed = false;
  *done = true;
  if (on_gradient == nullptr) return absl::OkStatus();
  for (const size_t parameter : gradient_order) on_gradient(parameter);
  return absl::OkStatus();
}

absl::Status Program::Train(const Batch& batch, uint64_t step, const GradientCallback& on_gradient) {
  if (!state_->options.training) {
    return absl::FailedPreconditionError("this program was made for evaluation; make one with training = true");
  }
  DP_RETURN_IF_ERROR(state_->BeginStep(batch, step));
  bool done = false;
  if (state_->records) DP_RETURN_IF_ERROR(state_->TrainRecorded(batch, on_gradient, &done));
  if (!done) state_->EnqueueTrain(batch, /*prepare_all=*/false, &on_gradient, nullptr);
  state_->EndStep();
  return state_->device->Status();
}

absl::Status Program::Evaluate(const Batch& batch) {
  DP_RETURN_IF_ERROR(state_->BeginStep(batch, 0));
  state_->EnqueuePrepare(/*all=*/false);
  state_->EnqueueForward(Mode::kEvaluate, batch, nullptr);
  state_->EndStep();
  return state_->device->Status();
}

absl::StatusOr<StepResult> Program::Result(size_t steps_ago) {
  if (steps_ago >= kResultsKept || steps_ago >= state_->steps) {
    return absl::FailedPreconditionError(absl::StrCat("there is no result of ", steps_ago,
                                                      " steps ago: ", state_->steps, " steps were taken, and the last ",
                                                      kResultsKept, " are kept"));
  }
  const State::StepSlot& slot = state_->step_slots[(state_->steps - 1 - steps_ago) % kResultsKept];
  DP_RETURN_IF_ERROR(slot.finished->Wait());
  StepResult result;
  result.examples = slot.examples;
  result.losses.assign(slot.losses, slot.losses + state_->graph->losses().size());
  for (const LossResult& loss : result.losses) result.loss += loss.loss;
  return result;
}

}  // namespace downpour
