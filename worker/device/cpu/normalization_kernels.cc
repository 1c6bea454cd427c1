#include <vector>

#include "worker/device/cpu/lane_kernel.h"
#include "worker/device/cpu/layer_kernels.h"
#include "worker/device/cpu/memory_layout.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

// Scale and offset as the kernels want them: ones and zeros where a layer has none, and a place for gradients that
// nobody asked for.
class ScaleAndOffset {
 public:
  ScaleAndOffset(bool has_scale, bool has_offset, size_t size)
      : has_scale_(has_scale),
        has_offset_(has_offset),
        ones_(has_scale ? 0 : size, 1.F),
        zeros_(has_offset ? 0 : size, 0.F),
        unused_(has_scale && has_offset ? 0 : 2 * size) {}

  // How many parameters they are; what comes next has this index.
  size_t count() const { return (has_scale_ ? 1 : 0) + (has_offset_ ? 1 : 0); }

  const float* Scale(std::span<const void* const> parameters) const {
    return has_scale_ ? Floats(parameters[0]) : ones_.data();
  }
  const float* Offset(std::span<const void* const> parameters) const {
    return has_offset_ ? Floats(parameters[has_scale_ ? 1 : 0]) : zeros_.data();
  }
  float* ScaleGradient(std::span<void* const> gradients) { return has_scale_ ? Floats(gradients[0]) : unused_.data(); }
  float* OffsetGradient(std::span<void* const> gradients) {
    return has_offset_ ? Floats(gradients[has_scale_ ? 1 : 0]) : unused_.data() + unused_.size() / 2;
  }

 private:
  const bool has_scale_;
  const bool has_offset_;
  const std::vector<float> ones_;
  const std::vector<float> zeros_;
  std::vector<float> unused_;
};

class BatchNormKernel final : public LaneKernel {
 public:
  BatchNormKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane),
        norm_(*layer_.As<BatchNorm>()),
        channels_(static_cast<size_t>(norm_.channels)),
        affine_(norm_.has_scale, norm_.has_offset, channels_),
        relu_(spec.chain.size() > 1) {
    MemoryLayout saved;
    mean_at_ = saved.Add(channels_ * sizeof(float));
    variance_at_ = saved.Add(channels_ * sizeof(float));
    if (spec.training) needs_.saved = saved.bytes();
    needs_.backward_reads_output = false;
    needs_.forward_in_place = needs_.backward_in_place = true;
  }

  void Forward(const ForwardCall& call) override {
    const nn::NormalizationKernels::BatchNorm norm = Norm(call.batch, call.parameters);
    const float* const running_mean = Floats(call.parameters[affine_.count()]);
    const float* const running_variance = Floats(call.parameters[affine_.count() + 1]);
    if (call.mode == Mode::kEvaluate) {
      return nn().normalization.BatchNormInference(norm, Floats(call.inputs[0]), running_mean, running_variance,
                                                   Floats(call.output));
    }
    float* const mean = At<float>(call.saved, mean_at_);
    float* const variance = At<float>(call.saved, variance_at_);
    nn().normalization.BatchNormForward(norm, Floats(call.inputs[0]), mean, variance, Floats(call.output));

    float* const mean_update = Floats(call.parameter_gradients[affine_.count()]);
    float* const variance_update = Floats(call.parameter_gradients[affine_.count() + 1]);
    const auto n = static_cast<double>(norm.rows);
    for (size_t c = 0; c < channels_; ++c) {
      const double unbiased = variance[c] * (n / (n - 1));
      mean_update[c] = norm.rows < 2 ? 0.F : static_cast<float>(norm_.momentum * (double{running_mean[c]} - mean[c]));
      variance_update[c] = norm.rows < 2 ? 0.F : static_cast<float>(norm_.momentum * (running_variance[c] - unbiased));
    }
  }

  void Backward(const BackwardCall& call) override {
    nn().normalization.BatchNormBackward(
        Norm(call.batch, call.parameters), Floats(call.inputs[0]), At<float>(call.saved, mean_at_),
        At<float>(call.saved, variance_at_), Floats(call.output_gradient), Floats(call.input_gradients[0]),
        affine_.ScaleGradient(call.parameter_gradients), affine_.OffsetGradient(call.parameter_gradients));
  }

 private:
  nn::NormalizationKernels::BatchNorm Norm(int64_t batch, std::span<const void* const> parameters) const {
    return {.rows = static_cast<size_t>(batch * norm_.positions),
            .channels = channels_,
            .epsilon = static_cast<float>(norm_.epsilon),
            .gamma = affine_.Scale(parameters),
            .beta = affine_.Offset(parameters),
            .relu = relu_};
  }

  const BatchNorm norm_;
  const size_t channels_;
  ScaleAndOffset affine_;
  const bool relu_;
  size_t mean_at_ = 0;  // offsets in saved
  size_t variance_at_ = 0;
};

class LayerNormKernel final : public LaneKernel {
 public:
  LayerNormKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane),
        norm_(*layer_.As<LayerNorm>()),
        width_(static_cast<size_t>(norm_.width)),
        affine_(norm_.has_scale, norm_.has_offset, width_) {
    MemoryLayout memory;
    const size_t bytes = batch_max_ * static_cast<size_t>(norm_.rows) * sizeof(float);
    mean_at_ = memory.Add(bytes);
    inverse_at_ = memory.Add(bytes);
    if (spec.training) needs_.saved = memory.bytes();
    needs_.workspace = memory.bytes();  // in evaluation
    needs_.backward_reads_output = false;
    needs_.forward_in_place = needs_.backward_in_place = true;
  }

  void Forward(const ForwardCall& call) override {
    void* const memory = call.mode == Mode::kTrain ? call.saved : call.workspace;
    nn().normalization.LayerNormForward(Rows(call.batch), width_, static_cast<float>(norm_.epsilon),
                                        affine_.Scale(call.parameters), affine_.Offset(call.parameters),
                                        Floats(call.inputs[0]), At<float>(memory, mean_at_),
                                        At<float>(memory, inverse_at_), Floats(call.output));
  }

  void Backward(const BackwardCall& call) override {
    nn().normalization.LayerNormBackward(
        Rows(call.batch), width_, affine_.Scale(call.parameters), Floats(call.inputs[0]),
        At<float>(call.saved, mean_at_), At<float>(call.saved, inverse_at_), Floats(call.output_gradient),
        Floats(call.input_gradients[0]), affine_.ScaleGradient(call.parameter_gradients),
        affine_.OffsetGradient(call.parameter_gradients));
  }

 private:
  size_t Rows(int64_t batch) const { return static_cast<size_t>(batch * norm_.rows); }

  const LayerNorm norm_;
  const size_t width_;
  ScaleAndOffset affine_;
  size_t mean_at_ = 0;  // offsets in saved
  size_t inverse_at_ = 0;
};

}  // namespace

KernelOr MakeBatchNormKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<BatchNormKernel>(spec, lane);
}
KernelOr MakeLayerNormKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<LayerNormKernel>(spec, lane);
}

}  // namespace downpour
