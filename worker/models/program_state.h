// The inside of a Program.
#ifndef DOWNPOUR_WORKER_MODELS_PROGRAM_STATE_H_
#define DOWNPOUR_WORKER_MODELS_PROGRAM_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "worker/device/device.h"
#include "worker/models/program.h"
#include "worker/models/schedule.h"

namespace downpour {

struct Program::State {
  // What a node needs in every call, made once: the spans of calls point here.
  struct NodeState {
    std::unique_ptr<Kernel> kernel;  // null for a view
    std::vector<size_t> parameters;  // of the graph
    std::vector<const void*> weights;
    std::vector<void*> gradients;
    void* prepared = nullptr;
    void* saved = nullptr;
    LossResult* loss = nullptr;
    bool weights_changed = true;
    std::unique_ptr<Event> done;  // with backward
  };

  // Of one of the last kResultsKept steps.
  struct StepSlot {
    std::unique_ptr<Event> finished;
    StepRandom* random = nullptr;  // staging memory
    LossResult* losses = nullptr;  // staging memory
    int64_t examples = 0;
  };

  struct RecordedStep {
    Batch batch;
    std::unique_ptr<Recording> recording;  // null: seen once
  };

  // Called around each entry of a step that is looked at.
  struct Observer {
    virtual ~Observer() = default;
    virtual void BeforeForward(const ForwardEntry&) {}
    virtual void AfterForward(const ForwardEntry&) {}
    virtual void BeforeBackward(const BackwardEntry&) {}
    virtual void AfterBackward(const BackwardEntry&) {}
  };

  // ---- program_create.cc
  absl::Status MakeNodes();
  absl::Status MakeKernels();
  absl::Status PlaceParameters();
  absl::Status PlanTensors();
  absl::Status AllocateAll();
  absl::Status MakeEvents();
  void OrderGradients();
  size_t ElementBytes() const { return DTypeSize(options.compute); }
  bool HasEntry(size_t node) const;  // in Schedule::backward, with a call

  // ---- program_step.cc
  absl::Status CheckBatch(const Batch& batch) const;
  absl::Status BeginStep(const Batch& batch, uint64_t step);
  void EndStep();
  void EnqueuePrepare(bool all);
  void EnqueueForward(Mode mode, const Batch& batch, Observer* observer);
  void EnqueueBackward(const Batch& batch, const GradientCallback* on_gradient, Observer* observer);
  void EnqueueTrain(const Batch& batch, bool prepare_all, const GradientCallback* on_gradient, Observer* observer);
  absl::Status TrainRecorded(const Batch& batch, const GradientCallback& on_gradient, bool* done);
  RecordedStep* FindRecorded(const Batch& batch);
  // The address of a tensor, null for nowhere.
  void* At(const Place& place) const;
  const void* At(const Place& place, const Batch& batch) const;

  std::shared_ptr<const Graph> graph;
  Device* device = nullptr;
  ProgramOptions options;
  DType parameter_dtype = DType::kFloat32;

  std::vector<Node> nodes;
  std::vector<NodeState> states;  // of each node
  Schedule schedule;
  std::vector<size_t> slot_offsets;   // in `tensors`
  std::vector<size_t> saved_offsets;  // of each node, in `tensors`
  std::vector<size_t> node_of_parameter;
  std::vector<size_t> parameter_offsets;
  std::vector<size_t> gradient_order;
  size_t early_gradients = 0;  // how many of gradient_order are complete after forward
  ProgramMemory memory;

  Buffer tensors, weights, gradients, prepared, workspace, random, losses;
  Buffer staging;  // of all StepSlots
  std::unique_ptr<Event> forward_done;
  std::array<StepSlot, kResultsKept> step_slots;
  uint64_t steps = 0;  // enqueued so far
  Batch last_batch;

  std::vector<RecordedStep> recorded;
  bool records = false;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_MODELS_PROGRAM_STATE_H_
