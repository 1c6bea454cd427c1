#include "worker/device/cpu/convolution_kernel.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "kernels/nn/nn_kernels.h"
#include "worker/device/cpu/linear_kernel.h"
#include "worker/device/cpu/memory_layout.h"
#include "worker/device/cpu/pooling_tail.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

nn::ConvShape MakeShape(const Conv2D& conv, int64_t batch) {
  const WindowAxis& height = conv.window.height;
  const WindowAxis& width = conv.window.width;
  return {.batch = static_cast<int>(batch),
          .height = static_cast<int>(height.input),
          .width = static_cast<int>(width.input),
          .in_channels = static_cast<int>(conv.channels),
          .out_channels = static_cast<int>(conv.filters),
          .kernel = static_cast<int>(height.kernel),
          .pad_top = static_cast<int>(height.before),
          .pad_bottom = static_cast<int>(height.after),
          .pad_left = static_cast<int>(width.before),
          .pad_right = static_cast<int>(width.after)};
}

bool IsPlainAxis(const WindowAxis& axis) {
  return axis.stride == 1 && axis.dilation == 1 && axis.input <= std::numeric_limits<int>::max() &&
         axis.before < axis.kernel && axis.after < axis.kernel;
}

class ConvolutionKernel final : public Kernel {
 public:
  ConvolutionKernel(const KernelSpec& spec, LaneContext* lane)
      : lane_(lane),
        shape_(MakeShape(*spec.chain.front()->As<Conv2D>(), spec.batch_max)),
        has_bias_(spec.chain.front()->As<Conv2D>()->has_bias),
        input_gradient_(spec.training && spec.input_gradients[0]) {
    std::span<const Layer* const> rest = std::span(spec.chain).subspan(1);
    if (!rest.empty() && rest.front()->As<Activation>() != nullptr) {
      relu_ = true;
      rest = rest.subspan(1);
    }
    tail_ = PoolingTail::Match(rest, relu_);

    const nn::ConvolutionKernels& convolution = lane_->nn.convolution;
    const size_t prepared_bytes = convolution.PreparedFloats(shape_) * sizeof(float);
    MemoryLayout prepared;
    forward_at_ = prepared.Add(prepared_bytes);
    if (input_gradient_) backward_at_ = prepared.Add(prepared_bytes);
    needs_.prepared = prepared.bytes();

    size_t workspace_floats = convolution.ForwardWorkspaceFloats(shape_);
    if (spec.training) workspace_floats = std::max(workspace_floats, convolution.BackwardWorkspaceFloats(shape_));
    MemoryLayout workspace;
    workspace_at_ = workspace.Add(workspace_floats * sizeof(float));
    if (tail_) tail_workspace_at_ = workspace.Add(tail_->WorkspaceBytes());
    needs_.workspace = workspace.bytes();

    if (tail_) {
      MemoryLayout saved;
      if (tail_->ReadsInput()) {
        output_at_ = saved.Add(static_cast<size_t>(spec.batch_max) * shape_.OutImage() * sizeof(float));
      }
      pooled_at_ = saved.Add(tail_->PooledBytes(spec.batch_max));
      argmax_at_ = saved.Add(tail_->ArgmaxBytes(spec.batch_max));
      needs_.saved = spec.training ? saved.bytes() : 0;
    }
    needs_.backward_reads_output = tail_ ? tail_->ReadsOutput() : relu_;
  }

  const KernelNeeds& needs() const override { return needs_; }

  void Prepare(std::span<const void* const> parameters, void* prepared, void* /*workspace*/) override {
    const auto* const weights = static_cast<const float*>(parameters[0]);
    lane_->nn.convolution.PrepareForward(shape_, weights, At<float>(prepared, forward_at_));
    if (input_gradient_) lane_->nn.convolution.PrepareBackward(shape_, weights, At<float>(prepared, backward_at_));
  }

  void Forward(const ForwardCall& call) override {
    nn::ConvolutionKernels::ForwardArgs args = {
        .x = static_cast<const float*>(call.inputs[0]),
        .prepared = At<float>(call.prepared, forward_at_),
        .bias = has_bias_ ? static_cast<const float*>(call.parameters[1]) : nullptr,
        .relu = relu_,
        .y = static_cast<float*>(call.output),
        .workspace = At<float>(call.workspace, workspace_at_),
    };
    if (!tail_) return lane_->nn.convolution.Forward(Shape(call.batch), args);
    const bool training = call.mode == Mode::kTrain;
    const PoolingTail::Kept kept = training ? KeptIn(call.saved) : PoolingTail::Kept{};
    args.y = training && tail_->ReadsInput() ? At<float>(call.saved, output_at_) : nullptr;
    lane_->nn.convolution.Forward(Shape(call.batch), args, [&](size_t first, size_t count, const float* y) {
      tail_->Forward(lane_->nn, first, count, y, training ? &kept : nullptr, static_cast<float*>(call.output),
                     At<void>(call.workspace, tail_workspace_at_));
    });
  }

  void Backward(const BackwardCall& call) override {
    const auto* const dy = static_cast<const float*>(call.output_gradient);
    const auto* const output = static_cast<const float*>(call.output);
    const nn::ConvolutionKernels::BackwardArgs args = {
        .x = static_cast<const float*>(call.inputs[0]),
        .dy = dy,
        .prepared = input_gradient_ ? At<float>(call.prepared, backward_at_) : nullptr,
        .dx = input_gradient_ ? static_cast<float*>(call.input_gradients[0]) : nullptr,
        .dweights = static_cast<float*>(call.parameter_gradients[0]),
        .dbias = has_bias_ ? static_cast<float*>(call.parameter_gradients[1]) : nullptr,
        .workspace = At<float>(call.workspace, workspace_at_),
    };
    const nn::ConvShape shape = Shape(call.batch);
    if (tail_) {
      const PoolingTail::Kept kept = KeptIn(call.saved);
      lane_->nn.convolution.Backward(shape, args, [&](size_t first, size_t count, float* gradient) {
        tail_->Backward(lane_->nn, first, count, kept, output, dy, gradient,
                        At<void>(call.workspace, tail_workspace_at_));
      });
    } else if (relu_) {
      const size_t image = shape.OutImage();
      lane_->nn.convolution.Backward(shape, args, [&](size_t first, size_t count, float* gradient) {
        lane_->nn.elementwise.ActivationBackward(nn::Activation::kRelu, 0, output + first * image, dy + first * image,
                                                 gradient, count * image);
      });
    } else {
      lane_->nn.convolution.Backward(shape, args);
    }
  }

 private:
  nn::ConvShape Shape(int64_t batch) const {
    nn::ConvShape shape = shape_;
    shape.batch = static_cast<int>(batch);
    return shape;
  }

  PoolingTail::Kept KeptIn(void* saved) const {
    return {.x = At<float>(saved, output_at_),
            .pooled = At<float>(saved, pooled_at_),
            .argmax = At<uint8_t>(saved, argmax_at_)};
  }

  LaneContext* const lane_;
  const nn::ConvShape shape_;  // of the largest batch
  const bool has_bias_;
  const bool input_gradient_;
  bool relu_ = false;
  std::optional<PoolingTail> tail_;
  KernelNeeds needs_;
  size_t forward_at_ = 0;  // offsets in prepared
  size_t backward_at_ = 0;
  size_t workspace_at_ = 0;  // offsets in the workspace
  size_t tail_workspace_at_ = 0;
  size_t output_at_ = 0;  // offsets in saved
  size_t pooled_at_ = 0;
  size_t argmax_at_ = 0;
};

}  // namespace

bool UsesWinograd(const Conv2D& conv, DType compute) {
  const WindowAxis& height = conv.window.height;
  const WindowAxis& width = conv.window.width;
  if (conv.groups != 1 || height.kernel != width.kernel || !IsPlainAxis(height) || !IsPlainAxis(width) ||
      std::max(conv.channels, conv.filters) > std::numeric_limits<int>::max() || !nn::IsSupported(MakeShape(conv, 1))) {
    return false;
  }
  // Where convolution_bench says that it wins.
  if (compute == DType::kBFloat16 && HasBFloat16LinearKernel()) {
    // The first convolution of a network: what is fused with it (PoolingTail) weighs more than the convolution.
    if (height.kernel == 5 && conv.channels <= 4) return true;
    return std::min(conv.channels, conv.filters) >= (height.kernel == 5 ? 16 : 48);
  }
  return height.kernel == 5 || conv.channels <= 4 || conv.channels * conv.filters >= 192;
}

absl::StatusOr<std::unique_ptr<Kernel>> MakeConvolutionKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<ConvolutionKernel>(spec, lane);
}

}  // namespace downpour
