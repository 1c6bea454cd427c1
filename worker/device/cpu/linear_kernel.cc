#include "worker/device/cpu/linear_kernel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <span>
#include <utility>

#include "common/base/status.h"
#include "common/tensor/aligned_buffer.h"
#include "common/tensor/dtype.h"
#include "worker/device/cpu/linear_passes.h"
#include "worker/device/cpu/memory_layout.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

using onednn::Operation;

// The last batch of an epoch has a size of its own, evaluation perhaps another: so many sizes are kept ready.
constexpr size_t kBatchSizesKept = 4;

// All primitives for one size of batch.
struct BatchPlan {
  int64_t batch = 0;
  LinearPasses passes;
  Operation prepare_forward;   // plain weights to what forward reads; none where that is plain
  Operation prepare_backward;  // ... to what backward_data reads; none where that is plain or what forward reads
  Operation unpack_gradient;   // the gradient of the weights to plain; none where it is plain

  // Only where this size wants weights otherwise than the largest batch, or more memory: then they are prepared in
  // each call, here.
  bool forward_differs = false;
  bool backward_differs = false;
  AlignedBuffer forward_weights;
  AlignedBuffer backward_weights;
  AlignedBuffer gradient;
  AlignedBuffer scratch;
};

size_t ScratchBytes(const BatchPlan& plan) {
  size_t bytes = 0;
  for (const Operation* operation : {&plan.passes.forward, &plan.passes.backward_data, &plan.passes.backward_weights,
                                     &plan.prepare_forward, &plan.prepare_backward, &plan.unpack_gradient}) {
    bytes = std::max(bytes, operation->scratchpad_bytes());
  }
  return bytes;
}

// Of the gradient of the weights in a layout of its own.
size_t GradientBytes(const BatchPlan& plan) {
  return plan.unpack_gradient.exists() ? plan.passes.weights_gradient.get_size() : 0;
}

// dx = dy where y is positive, without branches: a positive bfloat16 is a positive integer.
void MaskBFloat16(const uint16_t* y, const uint16_t* dy, uint16_t* dx, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const int positive = static_cast<int16_t>(y[i]) > 0;
    dx[i] = static_cast<uint16_t>(dy[i] & -positive);
  }
}

class LinearKernel final : public Kernel {
 public:
  static absl::StatusOr<std::unique_ptr<Kernel>> Create(const KernelSpec& spec, LaneContext* lane) {
    auto kernel = std::unique_ptr<LinearKernel>(new LinearKernel(spec, lane));
    DP_ASSIGN_OR_RETURN(BatchPlan plan, kernel->MakePlan(spec.batch_max));
    kernel->PlanMemory(plan);
    kernel->plans_.push_back(std::move(plan));
    return kernel;
  }

  const KernelNeeds& needs() const override { return needs_; }

  void Prepare(std::span<const void* const> parameters, void* prepared, void* workspace) override {
    BatchPlan& plan = plans_.front();
    void* const scratch = At<void>(workspace, scratch_at_);
    if (plan.prepare_forward.exists()) {
      Run(plan.prepare_forward, {parameters[0], At<void>(prepared, forward_at_)}, scratch);
    }
    if (plan.prepare_backward.exists()) {
      Run(plan.prepare_backward, {parameters[0], At<void>(prepared, backward_at_)}, scratch);
    }
  }

  void Forward(const ForwardCall& call) override {
    BatchPlan* const plan = PlanFor(call.batch);
    if (plan == nullptr) return;
    void* const scratch = Scratch(*plan, call.workspace);
    if (plan->forward_differs) {
      Run(plan->prepare_forward, {call.parameters[0], plan->forward_weights.data()}, scratch);
    }
    const void* const weights = ForwardWeights(*plan, call.parameters, call.prepared);
    if (has_bias_) {
      Run(plan->passes.forward, {call.inputs[0], weights, call.parameters[1], call.output}, scratch);
    } else {
      Run(plan->passes.forward, {call.inputs[0], weights, call.output}, scratch);
    }
  }

  void Backward(const BackwardCall& call) override {
    BatchPlan* const plan = PlanFor(call.batch);
    if (plan == nullptr) return;
    void* const scratch = Scratch(*plan, call.workspace);
    const void* dy = call.output_gradient;
    if (request_.relu) dy = Masked(call);

    const bool unpack = plan->unpack_gradient.exists();
    const void* const gradient = !unpack                     ? call.parameter_gradients[0]
                                 : plan->gradient.size() > 0 ? plan->gradient.data()
                                                             : At<void>(call.workspace, gradient_at_);
    if (has_bias_) {
      Run(plan->passes.backward_weights, {call.inputs[0], dy, gradient, call.parameter_gradients[1]}, scratch);
    } else {
      Run(plan->passes.backward_weights, {call.inputs[0], dy, gradient}, scratch);
    }
    if (unpack) Run(plan->unpack_gradient, {gradient, call.parameter_gradients[0]}, scratch);

    if (!request_.input_gradient || call.input_gradients[0] == nullptr) return;
    if (plan->backward_differs) {
      Run(plan->prepare_backward, {call.parameters[0], plan->backward_weights.data()}, scratch);
    }
    const void* const weights = BackwardWeights(*plan, call.parameters, call.prepared);
    Run(plan->passes.backward_data, {dy, weights, call.input_gradients[0]}, scratch);
  }

 private:
  LinearKernel(const KernelSpec& spec, LaneContext* lane)
      : lane_(lane),
        request_{.layer = spec.chain.front(),
                 .relu = spec.chain.size() > 1,
                 .compute = spec.compute,
                 .backward = spec.training,
                 .input_gradient = spec.training && spec.input_gradients[0],
                 .batch = spec.batch_max},
        has_bias_(request_.layer->parameters.size() > 1),
        output_elements_(KernelOutput(spec).elements) {}

  absl::StatusOr<BatchPlan> MakePlan(int64_t batch) const {
    LinearRequest request = request_;
    request.batch = batch;
    BatchPlan plan;
    plan.batch = batch;
    DP_ASSIGN_OR_RETURN(plan.passes, MakeLinearPasses(request));
    const LinearPasses& passes = plan.passes;
    if (passes.forward_weights != passes.plain_weights) {
      DP_ASSIGN_OR_RETURN(plan.prepare_forward, onednn::Try(request.layer->name, [&] {
                            return onednn::Reorder(passes.plain_weights, passes.forward_weights);
                          }));
    }
    if (passes.backward_data.exists() && passes.backward_weights_read != passes.forward_weights &&
        passes.backward_weights_read != passes.plain_weights) {
      DP_ASSIGN_OR_RETURN(plan.prepare_backward, onednn::Try(request.layer->name, [&] {
                            return onednn::Reorder(passes.plain_weights, passes.backward_weights_read);
                          }));
    }
    if (passes.backward_weights.exists() && passes.weights_gradient != passes.plain_weights) {
      DP_ASSIGN_OR_RETURN(plan.unpack_gradient, onednn::Try(request.layer->name, [&] {
                            return onednn::Reorder(passes.weights_gradient, passes.plain_weights);
                          }));
    }
    return plan;
  }

  // The largest batch decides where everything lies.
  void PlanMemory(const BatchPlan& plan) {
    MemoryLayout prepared;
    if (plan.prepare_forward.exists()) forward_at_ = prepared.Add(plan.passes.forward_weights.get_size());
    if (plan.prepare_backward.exists()) backward_at_ = prepared.Add(plan.passes.backward_weights_read.get_size());
    needs_.prepared = prepared.bytes();

    MemoryLayout workspace;
    if (request_.relu && request_.backward) {
      masked_at_ = workspace.Add(static_cast<size_t>(request_.batch * output_elements_) * DTypeSize(request_.compute));
    }
    gradient_bytes_ = GradientBytes(plan);
    gradient_at_ = workspace.Add(gradient_bytes_);
    scratch_bytes_ = ScratchBytes(plan);
    scratch_at_ = workspace.Add(scratch_bytes_);
    needs_.workspace = workspace.bytes();
    needs_.backward_reads_output = request_.relu;
  }

  // A smaller batch than the largest one may come with formats of its own.
  absl::Status Adapt(BatchPlan* plan) const {
    const BatchPlan& largest = plans_.front();
    plan->forward_differs =
        plan->prepare_forward.exists() && plan->passes.forward_weights != largest.passes.forward_weights;
    if (plan->forward_differs) {
      DP_ASSIGN_OR_RETURN(plan->forward_weights, AlignedBuffer::Allocate(plan->passes.forward_weights.get_size()));
    }
    plan->backward_differs =
        plan->prepare_backward.exists() && (!largest.prepare_backward.exists() ||
                                            plan->passes.backward_weights_read != largest.passes.backward_weights_read);
    if (plan->backward_differs) {
      DP_ASSIGN_OR_RETURN(plan->backward_weights,
                          AlignedBuffer::Allocate(plan->passes.backward_weights_read.get_size()));
    }
    if (const size_t bytes = GradientBytes(*plan); bytes > gradient_bytes_) {
      DP_ASSIGN_OR_RETURN(plan->gradient, AlignedBuffer::Allocate(bytes));
    }
    if (const size_t bytes = ScratchBytes(*plan); bytes > scratch_bytes_) {
      DP_ASSIGN_OR_RETURN(plan->scratch, AlignedBuffer::Allocate(bytes));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<BatchPlan> MakeAdaptedPlan(int64_t batch) const {
    DP_ASSIGN_OR_RETURN(BatchPlan plan, MakePlan(batch));
    DP_RETURN_IF_ERROR(Adapt(&plan));
    return plan;
  }

  // Null where it cannot be made, which is the device's error. The first plan is that of the largest batch; behind it
  // lie others, the last used first.
  BatchPlan* PlanFor(int64_t batch) {
    if (plans_.front().batch == batch) return &plans_.front();
    const auto second = std::next(plans_.begin());
    const auto found =
        std::find_if(second, plans_.end(), [batch](const BatchPlan& plan) { return plan.batch == batch; });
    if (found != plans_.end()) {
      plans_.splice(second, plans_, found);
      return &*found;
    }
    absl::StatusOr<BatchPlan> plan = MakeAdaptedPlan(batch);
    if (!plan.ok()) {
      lane_->status.Update(plan.status());
      return nullptr;
    }
    if (plans_.size() == kBatchSizesKept) plans_.pop_back();
    return &*plans_.insert(std::next(plans_.begin()), *std::move(plan));
  }

  const void* ForwardWeights(const BatchPlan& plan, std::span<const void* const> parameters,
                             const void* prepared) const {
    if (!plan.prepare_forward.exists()) return parameters[0];
    return plan.forward_differs ? plan.forward_weights.data() : At<void>(prepared, forward_at_);
  }

  const void* BackwardWeights(const BatchPlan& plan, std::span<const void* const> parameters,
                              const void* prepared) const {
    if (plan.prepare_backward.exists()) {
      return plan.backward_differs ? plan.backward_weights.data() : At<void>(prepared, backward_at_);
    }
    if (plan.passes.backward_weights_read == plan.passes.plain_weights) return parameters[0];
    return ForwardWeights(plan, parameters, prepared);  // which Forward has left there
  }

  void* Scratch(const BatchPlan& plan, void* workspace) const {
    return plan.scratch.size() > 0 ? plan.scratch.data() : At<void>(workspace, scratch_at_);
  }

  // The gradient before the relu.
  const void* Masked(const BackwardCall& call) const {
    const auto count = static_cast<size_t>(call.batch * output_elements_);
    void* const masked = At<void>(call.workspace, masked_at_);
    if (request_.compute == DType::kBFloat16) {
      MaskBFloat16(static_cast<const uint16_t*>(call.output), static_cast<const uint16_t*>(call.output_gradient),
                   static_cast<uint16_t*>(masked), count);
    } else {
      lane_->nn.elementwise.ActivationBackward(nn::Activation::kRelu, 0, static_cast<const float*>(call.output),
                                               static_cast<const float*>(call.output_gradient),
                                               static_cast<float*>(masked), count);
    }
    return masked;
  }

  void Run(Operation& operation, std::initializer_list<const void*> addresses, void* scratch) {
    lane_->status.Update(operation.Run(lane_->stream, addresses, scratch));
  }

  LaneContext* const lane_;
  const LinearRequest request_;
  const bool has_bias_;
  const int64_t output_elements_;
  KernelNeeds needs_;
  size_t forward_at_ = 0;  // offsets in prepared
  size_t backward_at_ = 0;
  size_t masked_at_ = 0;  // offsets in the workspace
  size_t gradient_at_ = 0;
  size_t gradient_bytes_ = 0;
  size_t scratch_at_ = 0;
  size_t scratch_bytes_ = 0;
  std::list<BatchPlan> plans_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> MakeLinearKernel(const KernelSpec& spec, LaneContext* lane) {
  return LinearKernel::Create(spec, lane);
}

bool HasBFloat16LinearKernel() { return onednn::HasBFloat16(); }

}  // namespace downpour
