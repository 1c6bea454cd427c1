#include "worker/device/cpu/widened_kernel.h"

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "common/tensor/dtype.h"
#include "worker/device/cpu/memory_layout.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

class WidenedKernel final : public Kernel {
 public:
  WidenedKernel(const KernelSpec& spec, std::unique_ptr<Kernel> inner, LaneContext* lane)
      : lane_(*lane),
        inner_(std::move(inner)),
        input_types_(KernelInputs(spec)),
        output_type_(KernelOutput(spec)),
        is_loss_(IsLoss(*spec.chain.back())),
        needs_(inner_->needs()) {
    // Forward and Backward share the places: an input of the one is where the other finds it.
    MemoryLayout layout;
    inner_at_ = layout.Add(needs_.workspace);
    const auto add = [&](const TensorType& type) {
      return layout.Add(static_cast<size_t>(spec.batch_max * type.elements) * sizeof(float));
    };
    for (const TensorType& type : input_types_) {
      inputs_at_.push_back(type.element_type == ElementType::kReal ? add(type) : 0);
    }
    if (!is_loss_) output_at_ = add(output_type_);
    if (spec.training) {
      if (!is_loss_) output_gradient_at_ = add(output_type_);
      for (const TensorType& type : input_types_) {
        input_gradients_at_.push_back(type.element_type == ElementType::kReal ? add(type) : 0);
      }
    }
    needs_.workspace = layout.bytes();
    // Everything is worked on elsewhere.
    needs_.forward_in_place = needs_.backward_in_place = !is_loss_ && input_types_[0] == output_type_;
    needs_.accumulates = false;
    wide_inputs_.resize(input_types_.size());
    gradients_.resize(input_types_.size());
    accumulate_ = std::make_unique<bool[]>(input_types_.size());
  }

  const KernelNeeds& needs() const override { return needs_; }

  void Prepare(std::span<const void* const> parameters, void* prepared, void* workspace) override {
    inner_->Prepare(parameters, prepared, workspace);
  }

  void Forward(const ForwardCall& call) override {
    ForwardCall wide = call;
    WidenInputs(call.inputs, call.batch, call.workspace);
    wide.inputs = wide_inputs_;
    if (!is_loss_) wide.output = At<float>(call.workspace, output_at_);
    wide.workspace = At<void>(call.workspace, inner_at_);
    inner_->Forward(wide);
    if (!is_loss_) Round(At<float>(call.workspace, output_at_), call.batch, output_type_, call.output);
  }

  void Backward(const BackwardCall& call) override {
    BackwardCall wide = call;
    if (needs_.backward_reads_inputs) WidenInputs(call.inputs, call.batch, call.workspace);
    wide.inputs = wide_inputs_;
    if (needs_.backward_reads_output && !is_loss_) {
      wide.output = Widen(call.output, call.batch, output_type_, At<float>(call.workspace, output_at_));
    }
    if (!is_loss_) {
      wide.output_gradient =
          Widen(call.output_gradient, call.batch, output_type_, At<float>(call.workspace, output_gradient_at_));
    }
    for (size_t i = 0; i < gradients_.size(); ++i) {
      gradients_[i] = call.input_gradients[i] == nullptr ? nullptr : At<void>(call.workspace, input_gradients_at_[i]);
    }
    wide.input_gradients = gradients_;
    wide.accumulate = std::span<const bool>(accumulate_.get(), gradients_.size());
    wide.workspace = At<void>(call.workspace, inner_at_);
    inner_->Backward(wide);
    for (size_t i = 0; i < gradients_.size(); ++i) {
      if (gradients_[i] == nullptr) continue;
      Round(static_cast<const float*>(gradients_[i]), call.batch, input_types_[i], call.input_gradients[i]);
    }
  }

 private:
  const float* Widen(const void* from, int64_t batch, const TensorType& type, float* to) const {
    lane_.vectors.ToFloat(static_cast<const std::byte*>(from), DType::kBFloat16, to,
                          static_cast<size_t>(batch * type.elements));
    return to;
  }

  void Round(const float* from, int64_t batch, const TensorType& type, void* to) const {
    lane_.vectors.FromFloat(from, DType::kBFloat16, static_cast<std::byte*>(to),
                            static_cast<size_t>(batch * type.elements));
  }

  // Fills wide_inputs_ with what the inner kernel takes; indices are handed on as they are.
  void WidenInputs(std::span<const void* const> inputs, int64_t batch, void* workspace) {
    for (size_t i = 0; i < input_types_.size(); ++i) {
      wide_inputs_[i] = input_types_[i].element_type == ElementType::kIndex
                            ? inputs[i]
                            : Widen(inputs[i], batch, input_types_[i], At<float>(workspace, inputs_at_[i]));
    }
  }

  LaneContext& lane_;
  const std::unique_ptr<Kernel> inner_;
  const std::vector<TensorType> input_types_;
  const TensorType output_type_;
  const bool is_loss_;
  KernelNeeds needs_;
  size_t inner_at_ = 0;  // offsets in the workspace
  std::vector<size_t> inputs_at_;
  size_t output_at_ = 0;
  size_t output_gradient_at_ = 0;
  std::vector<size_t> input_gradients_at_;

  std::vector<const void*> wide_inputs_;  // arguments of the inner kernel, made anew in each call
  std::vector<void*> gradients_;
  std::unique_ptr<bool[]> accumulate_;  // all false
};

}  // namespace

std::unique_ptr<Kernel> MakeWidenedKernel(const KernelSpec& spec, std::unique_ptr<Kernel> inner, LaneContext* lane) {
  return std::make_unique<WidenedKernel>(spec, std::move(inner), lane);
}

}  // namespace downpour
