#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "worker/device/cpu/lane_kernel.h"
#include "worker/device/cpu/layer_kernels.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

// The approximate gelu is made of tanh, in runs that stay in the first-level cache.
constexpr size_t kRun = 1024;
constexpr float kGeluScale = 0.7978845608028654F;  // sqrt(2 / pi)
constexpr float kGeluCube = 0.044715F;

class ActivationKernel final : public LaneKernel {
 public:
  ActivationKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane), activation_(*layer_.As<Activation>()) {
    needs_.backward_reads_inputs = IsGelu() || activation_.kind == Activation::Kind::kLeakyRelu;
    needs_.backward_reads_output = !needs_.backward_reads_inputs;
    needs_.forward_in_place = needs_.backward_in_place = true;
  }

  void Forward(const ForwardCall& call) override {
    const size_t count = Count(call.batch, layer_.output);
    const float* const x = Floats(call.inputs[0]);
    float* const y = Floats(call.output);
    if (activation_.kind == Activation::Kind::kGeluTanh) return GeluTanh(x, y, count);
    nn().elementwise.ActivationForward(Kind(), static_cast<float>(activation_.slope), x, y, count);
  }

  void Backward(const BackwardCall& call) override {
    const size_t count = Count(call.batch, layer_.output);
    const float* const saved = Floats(needs_.backward_reads_inputs ? call.inputs[0] : call.output);
    const float* const dy = Floats(call.output_gradient);
    float* const dx = Floats(call.input_gradients[0]);
    if (activation_.kind == Activation::Kind::kGeluTanh) return GeluTanhBackward(saved, dy, dx, count);
    nn().elementwise.ActivationBackward(Kind(), static_cast<float>(activation_.slope), saved, dy, dx, count);
  }

 private:
  bool IsGelu() const {
    return activation_.kind == Activation::Kind::kGelu || activation_.kind == Activation::Kind::kGeluTanh;
  }

  nn::Activation Kind() const {
    switch (activation_.kind) {
      case Activation::Kind::kRelu:
        return nn::Activation::kRelu;
      case Activation::Kind::kLeakyRelu:
        return nn::Activation::kLeakyRelu;
      case Activation::Kind::kSigmoid:
        return nn::Activation::kSigmoid;
      case Activation::Kind::kGelu:
        return nn::Activation::kGelu;
      case Activation::Kind::kTanh:
      case Activation::Kind::kGeluTanh:
        break;
    }
    return nn::Activation::kTanh;
  }

  // tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) for a run.
  void InnerTanh(const float* x, float* t, size_t count) const {
    for (size_t i = 0; i < count; ++i) t[i] = kGeluScale * (x[i] + kGeluCube * x[i] * x[i] * x[i]);
    nn().elementwise.ActivationForward(nn::Activation::kTanh, 0, t, t, count);
  }

  void GeluTanh(const float* x, float* y, size_t count) const {
    std::array<float, kRun> t;
    for (size_t begin = 0; begin < count; begin += kRun) {
      const size_t run = std::min(kRun, count - begin);
      InnerTanh(x + begin, t.data(), run);
      for (size_t i = 0; i < run; ++i) y[begin + i] = 0.5F * x[begin + i] * (1 + t[i]);
    }
  }

  void GeluTanhBackward(const float* x, const float* dy, float* dx, size_t count) const {
    std::array<float, kRun> t;
    for (size_t begin = 0; begin < count; begin += kRun) {
      const size_t run = std::min(kRun, count - begin);
      InnerTanh(x + begin, t.data(), run);
      for (size_t i = 0; i < run; ++i) {
        const float v = x[begin + i];
        const float inner = kGeluScale * (1 + 3 * kGeluCube * v * v);
        dx[begin + i] = dy[begin + i] * 0.5F * (1 + t[i] + v * (1 - t[i] * t[i]) * inner);
      }
    }
  }

  const Activation activation_;
};

class AddKernel final : public LaneKernel {
 public:
  AddKernel(const KernelSpec& spec, LaneContext* lane) : LaneKernel(spec, lane), relu_(spec.chain.size() > 1) {
    needs_.backward_reads_inputs = false;
    needs_.backward_reads_output = relu_;
    needs_.forward_in_place = needs_.backward_in_place = true;
  }

  void Forward(const ForwardCall& call) override {
    const size_t count = Count(call.batch, layer_.output);
    float* const y = Floats(call.output);
    if (relu_) return nn().elementwise.AddRelu(Floats(call.inputs[0]), Floats(call.inputs[1]), y, count);
    nn().elementwise.Add(Floats(call.inputs[0]), Floats(call.inputs[1]), y, count);
    for (size_t i = 2; i < call.inputs.size(); ++i) nn().elementwise.Add(y, Floats(call.inputs[i]), y, count);
  }

  void Backward(const BackwardCall& call) override {
    const size_t count = Count(call.batch, layer_.output);
    const float* gradient = Floats(call.output_gradient);
    bool masked = !relu_;
    for (void* input_gradient : call.input_gradients) {
      if (input_gradient == nullptr) continue;
      float* const dx = Floats(input_gradient);
      if (!masked) {  // the first is masked, the others are copies of it
        nn().elementwise.ActivationBackward(nn::Activation::kRelu, 0, Floats(call.output), gradient, dx, count);
        gradient = dx;
        masked = true;
      } else if (dx != gradient) {
        std::memcpy(dx, gradient, count * sizeof(float));
      }
    }
  }

 private:
  const bool relu_;
};

class MultiplyKernel final : public LaneKernel {
 public:
  MultiplyKernel(const KernelSpec& spec, LaneContext* lane) : LaneKernel(spec, lane) {
    needs_.backward_reads_output = false;
    needs_.forward_in_place = true;
  }

  void Forward(const ForwardCall& call) override {
    const size_t count = Count(call.batch, layer_.output);
    float* const y = Floats(call.output);
    nn().elementwise.Multiply(Floats(call.inputs[0]), Floats(call.inputs[1]), y, count);
    for (size_t i = 2; i < call.inputs.size(); ++i) nn().elementwise.Multiply(y, Floats(call.inputs[i]), y, count);
  }

  void Backward(const BackwardCall& call) override {
    const size_t count = Count(call.batch, layer_.output);
    for (size_t i = 0; i < call.input_gradients.size(); ++i) {
      if (call.input_gradients[i] == nullptr) continue;
      float* const dx = Floats(call.input_gradients[i]);
      const float* gradient = Floats(call.output_gradient);
      for (size_t j = 0; j < call.inputs.size(); ++j) {
        if (j == i) continue;
        nn().elementwise.Multiply(gradient, Floats(call.inputs[j]), dx, count);
        gradient = dx;
      }
    }
  }
};

class DropoutKernel final : public LaneKernel {
 public:
  DropoutKernel(const KernelSpec& spec, LaneContext* lane) : LaneKernel(spec, lane), dropout_(*layer_.As<Dropout>()) {
    needs_.backward_reads_inputs = needs_.backward_reads_output = false;
    needs_.forward_in_place = needs_.backward_in_place = true;
  }

  void Forward(const ForwardCall& call) override {
    if (call.mode == Mode::kTrain) return Drop(call.batch, *call.random, Floats(call.inputs[0]), Floats(call.output));
    if (call.output == call.inputs[0]) return;
    std::memcpy(call.output, call.inputs[0], Count(call.batch, layer_.output) * sizeof(float));
  }

  void Backward(const BackwardCall& call) override {
    Drop(call.batch, *call.random, Floats(call.output_gradient), Floats(call.input_gradients[0]));
  }

 private:
  void Drop(int64_t batch, const StepRandom& random, const float* x, float* y) const {
    nn().elementwise.Dropout(dropout_.rate, {.seed = random.seed ^ dropout_.stream, .stream = random.step}, 0, x, y,
                             Count(batch, layer_.output));
  }

  const Dropout dropout_;
};

}  // namespace

KernelOr MakeActivationKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<ActivationKernel>(spec, lane);
}
KernelOr MakeAddKernel(const KernelSpec& spec, LaneContext* lane) { return std::make_unique<AddKernel>(spec, lane); }
KernelOr MakeMultiplyKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<MultiplyKernel>(spec, lane);
}
KernelOr MakeDropoutKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<DropoutKernel>(spec, lane);
}

}  // namespace downpour
