#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/string_view.h"
#include "worker/device/cpu/lane_kernel.h"
#include "worker/device/cpu/layer_kernels.h"
#include "worker/device/cpu/memory_layout.h"
#include "worker/device/cpu/pooling_tail.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

class PoolingTailKernel final : public LaneKernel {
 public:
  PoolingTailKernel(const KernelSpec& spec, LaneContext* lane, const PoolingTail& tail)
      : LaneKernel(spec, lane), tail_(tail) {
    MemoryLayout saved;
    pooled_at_ = saved.Add(tail_.PooledBytes(spec.batch_max));
    argmax_at_ = saved.Add(tail_.ArgmaxBytes(spec.batch_max));
    if (spec.training) needs_.saved = saved.bytes();
    needs_.workspace = tail_.WorkspaceBytes();
    needs_.backward_reads_inputs = tail_.ReadsInput();
    needs_.backward_reads_output = tail_.ReadsOutput();
  }

  void Forward(const ForwardCall& call) override {
    const bool training = call.mode == Mode::kTrain;
    const PoolingTail::Kept kept = training ? KeptIn(call.saved, call.inputs[0]) : PoolingTail::Kept{};
    tail_.Forward(nn(), 0, static_cast<size_t>(call.batch), Floats(call.inputs[0]), training ? &kept : nullptr,
                  Floats(call.output), call.workspace);
  }

  void Backward(const BackwardCall& call) override {
    tail_.Backward(nn(), 0, static_cast<size_t>(call.batch), KeptIn(call.saved, call.inputs[0]), Floats(call.output),
                   Floats(call.output_gradient), Floats(call.input_gradients[0]), call.workspace);
  }

 private:
  PoolingTail::Kept KeptIn(void* saved, const void* input) const {
    return {.x = Floats(input), .pooled = At<float>(saved, pooled_at_), .argmax = At<uint8_t>(saved, argmax_at_)};
  }

  const PoolingTail tail_;
  size_t pooled_at_ = 0;  // offsets in saved
  size_t argmax_at_ = 0;
};

class AveragePoolKernel final : public LaneKernel {
 public:
  AveragePoolKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane),
        shape_(MakePoolShape(*layer_.As<Pool2D>())),
        count_padding_(layer_.As<Pool2D>()->count_padding) {
    needs_.backward_reads_inputs = needs_.backward_reads_output = false;
  }

  void Forward(const ForwardCall& call) override {
    nn().pooling.AverageForward(Shape(call.batch), count_padding_, Floats(call.inputs[0]), Floats(call.output));
  }

  void Backward(const BackwardCall& call) override {
    nn().pooling.AverageBackward(Shape(call.batch), count_padding_, Floats(call.output_gradient),
                                 Floats(call.input_gradients[0]));
  }

 private:
  nn::PoolShape Shape(int64_t batch) const {
    nn::PoolShape shape = shape_;
    shape.batch = static_cast<int>(batch);
    return shape;
  }

  const nn::PoolShape shape_;  // of one image
  const bool count_padding_;
};

class GlobalPoolKernel final : public LaneKernel {
 public:
  GlobalPoolKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane), pool_(*layer_.As<GlobalPool>()) {
    needs_.backward_reads_inputs = needs_.backward_reads_output = false;
    if (pool_.kind == GlobalPool::Kind::kMax && spec.training) {
      needs_.saved = nn::PoolingKernels::ArgmaxBytes(Window(spec.batch_max));
    }
  }

  void Forward(const ForwardCall& call) override {
    const float* const x = Floats(call.inputs[0]);
    if (pool_.kind == GlobalPool::Kind::kMax) {
      auto* const argmax = call.mode == Mode::kTrain ? static_cast<uint8_t*>(call.saved) : nullptr;
      return nn().pooling.MaxForward(Window(call.batch), x, Floats(call.output), argmax);
    }
    nn().pooling.GlobalAverageForward(static_cast<size_t>(call.batch), static_cast<size_t>(pool_.positions),
                                      static_cast<size_t>(pool_.channels), x, Floats(call.output));
  }

  void Backward(const BackwardCall& call) override {
    const float* const dy = Floats(call.output_gradient);
    float* const dx = Floats(call.input_gradients[0]);
    if (pool_.kind == GlobalPool::Kind::kMax) {
      return nn().pooling.MaxBackward(Window(call.batch), dy, static_cast<const uint8_t*>(call.saved), dx);
    }
    nn().pooling.GlobalAverageBackward(static_cast<size_t>(call.batch), static_cast<size_t>(pool_.positions),
                                       static_cast<size_t>(pool_.channels), dy, dx);
  }

 private:
  // All positions as one window.
  nn::PoolShape Window(int64_t batch) const {
    const auto positions = static_cast<int>(pool_.positions);
    return {.batch = static_cast<int>(batch),
            .height = positions,
            .width = 1,
            .channels = static_cast<int>(pool_.channels),
            .y = {.window = positions, .stride = 1, .pad = 0, .out = 1},
            .x = {}};
  }

  const GlobalPool pool_;
};

}  // namespace

KernelOr MakePoolingTailKernel(const KernelSpec& spec, LaneContext* lane) {
  const auto tail = PoolingTail::Match(spec.chain, /*after_relu=*/false);
  if (!tail || tail->length() != spec.chain.size()) {
    return NoLaneKernel(*spec.chain.front(), "its window is larger than a lane's kernels count");
  }
  return std::make_unique<PoolingTailKernel>(spec, lane, *tail);
}

KernelOr MakeAveragePoolKernel(const KernelSpec& spec, LaneContext* lane) {
  if (!IsSupportedPool(*spec.chain.front()->As<Pool2D>())) {
    return NoLaneKernel(*spec.chain.front(), "its window is larger than a lane's kernels count");
  }
  return std::make_unique<AveragePoolKernel>(spec, lane);
}

KernelOr MakeGlobalPoolKernel(const KernelSpec& spec, LaneContext* lane) {
  const auto& pool = *spec.chain.front()->As<GlobalPool>();
  if (std::max(pool.positions, pool.channels) > std::numeric_limits<int>::max()) {
    return NoLaneKernel(*spec.chain.front(), "its input is larger than a lane's kernels count");
  }
  return std::make_unique<GlobalPoolKernel>(spec, lane);
}

absl::Status NoLaneKernel(const Layer& layer, std::string_view why) {
  return absl::UnimplementedError(
      absl::StrCat("layer ", layer.name, " (", layer.kind, ") has no kernel on a cpu lane: ", ToAbsl(why)));
}

}  // namespace downpour
