#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "worker/device/cpu/lane_kernel.h"
#include "worker/device/cpu/layer_kernels.h"
#include "worker/device/cpu/memory_layout.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

class SoftmaxKernel final : public LaneKernel {
 public:
  SoftmaxKernel(const KernelSpec& spec, LaneContext* lane) : LaneKernel(spec, lane), softmax_(*layer_.As<Softmax>()) {
    needs_.backward_reads_inputs = false;
    needs_.forward_in_place = needs_.backward_in_place = true;
  }

  void Forward(const ForwardCall& call) override {
    nn().loss.SoftmaxForward(Rows(call.batch), Width(), Floats(call.inputs[0]), Floats(call.output));
  }

  void Backward(const BackwardCall& call) override {
    nn().loss.SoftmaxBackward(Rows(call.batch), Width(), Floats(call.output), Floats(call.output_gradient),
                              Floats(call.input_gradients[0]));
  }

 private:
  size_t Rows(int64_t batch) const { return static_cast<size_t>(batch * softmax_.rows); }
  size_t Width() const { return static_cast<size_t>(softmax_.width); }

  const Softmax softmax_;
};

class SoftmaxCrossEntropyKernel final : public LaneKernel {
 public:
  SoftmaxCrossEntropyKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane), loss_(*layer_.As<SoftmaxCrossEntropy>()), classes_(static_cast<size_t>(loss_.classes)) {
    MemoryLayout saved;
    probabilities_at_ = saved.Add(batch_max_ * classes_ * sizeof(float));
    labels_at_ = saved.Add(batch_max_ * sizeof(int32_t));
    if (spec.training) needs_.saved = saved.bytes();
    MemoryLayout workspace = saved;  // in evaluation
    clean_labels_at_ = workspace.Add(batch_max_ * sizeof(int32_t));
    losses_at_ = workspace.Add(batch_max_ * sizeof(float));
    needs_.workspace = workspace.bytes();
    needs_.backward_reads_inputs = needs_.backward_reads_output = false;
  }

  void Forward(const ForwardCall& call) override {
    const auto rows = static_cast<size_t>(call.batch);
    const float* const logits = Floats(call.inputs[0]);
    void* const memory = call.mode == Mode::kTrain ? call.saved : call.workspace;
    auto* const labels = At<int32_t>(memory, labels_at_);
    ReadLabels(static_cast<const int32_t*>(call.inputs[1]), rows, labels);

    float* const losses = At<float>(call.workspace, losses_at_);
    nn().loss.CrossEntropyForward(rows, classes_, logits, Targets(labels, rows, call.workspace), losses,
                                  At<float>(memory, probabilities_at_));
    LossResult result;
    for (size_t row = 0; row < rows; ++row) {
      if (labels[row] < 0) continue;
      result.loss += losses[row];
      const float* const first = logits + row * classes_;
      result.correct += std::max_element(first, first + classes_) - first == labels[row] ? 1 : 0;
    }
    result.loss *= loss_.weight / static_cast<double>(rows);
    *call.loss = result;
  }

  void Backward(const BackwardCall& call) override {
    const auto rows = static_cast<size_t>(call.batch);
    const auto* const labels = At<int32_t>(call.saved, labels_at_);
    float* const dx = Floats(call.input_gradients[0]);
    nn().loss.CrossEntropyBackward(rows, classes_, At<float>(call.saved, probabilities_at_),
                                   Targets(labels, rows, call.workspace),
                                   static_cast<float>(loss_.weight / static_cast<double>(rows)), dx);
    for (size_t row = 0; row < rows; ++row) {
      if (labels[row] < 0) std::memset(dx + row * classes_, 0, classes_ * sizeof(float));
    }
  }

 private:
  // -1 for one that is no class, which is the device's error.
  void ReadLabels(const int32_t* given, size_t rows, int32_t* labels) const {
    for (size_t row = 0; row < rows; ++row) {
      const bool is_class = given[row] >= 0 && given[row] < loss_.classes;
      labels[row] = is_class ? given[row] : -1;
      if (is_class) continue;
      lane_.status.Update(
          absl::InvalidArgumentError(absl::StrCat("layer ", layer_.name, ": the label ", given[row], " of example ",
                                                  row, " is not in [0, ", loss_.classes, ")")));
    }
  }

  nn::LossKernels::Targets Targets(const int32_t* labels, size_t rows, void* workspace) const {
    auto* const clean = At<int32_t>(workspace, clean_labels_at_);
    for (size_t row = 0; row < rows; ++row) clean[row] = std::max(labels[row], 0);
    return {.labels = clean, .distribution = nullptr, .smoothing = static_cast<float>(loss_.label_smoothing)};
  }

  const SoftmaxCrossEntropy loss_;
  const size_t classes_;
  size_t probabilities_at_ = 0;  // offsets in saved, in evaluation in the workspace
  size_t labels_at_ = 0;
  size_t clean_labels_at_ = 0;  // offsets in the workspace
  size_t losses_at_ = 0;
};

class SigmoidCrossEntropyKernel final : public LaneKernel {
 public:
  SigmoidCrossEntropyKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane), loss_(*layer_.As<SigmoidCrossEntropy>()) {
    needs_.backward_reads_output = false;
  }

  void Forward(const ForwardCall& call) override {
    const float* logits = Floats(call.inputs[0]);
    const float* labels = Floats(call.inputs[1]);
    LossResult result;
    for (int64_t n = 0; n < call.batch; ++n, logits += loss_.elements, labels += loss_.elements) {
      bool correct = true;
      for (int64_t i = 0; i < loss_.elements; ++i) {
        const double x = logits[i];
        result.loss += std::max(x, 0.0) - x * labels[i] + std::log1p(std::exp(-std::abs(x)));
        correct = correct && (logits[i] > 0) == (labels[i] > 0.5F);
      }
      result.correct += correct ? 1 : 0;
    }
    result.loss *= loss_.weight / static_cast<double>(call.batch * loss_.elements);
    *call.loss = result;
  }

  void Backward(const BackwardCall& call) override {
    if (call.input_gradients[0] == nullptr) return;
    const float* const logits = Floats(call.inputs[0]);
    const float* const labels = Floats(call.inputs[1]);
    float* const dx = Floats(call.input_gradients[0]);
    const auto count = static_cast<size_t>(call.batch * loss_.elements);
    const double share = loss_.weight / static_cast<double>(count);
    for (size_t i = 0; i < count; ++i) {
      dx[i] = static_cast<float>(share * (1 / (1 + std::exp(-double{logits[i]})) - labels[i]));
    }
  }

 private:
  const SigmoidCrossEntropy loss_;
};

class MeanSquaredErrorKernel final : public LaneKernel {
 public:
  MeanSquaredErrorKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane), loss_(*layer_.As<MeanSquaredError>()) {
    needs_.backward_reads_output = false;
  }

  void Forward(const ForwardCall& call) override {
    const float* const values = Floats(call.inputs[0]);
    const float* const targets = Floats(call.inputs[1]);
    const auto count = static_cast<size_t>(call.batch * loss_.elements);
    double sum = 0;
    for (size_t i = 0; i < count; ++i) {
      const double difference = double{values[i]} - targets[i];
      sum += difference * difference;
    }
    *call.loss = {.loss = loss_.weight * sum / static_cast<double>(count), .correct = 0};
  }

  void Backward(const BackwardCall& call) override {
    if (call.input_gradients[0] == nullptr) return;
    const float* const values = Floats(call.inputs[0]);
    const float* const targets = Floats(call.inputs[1]);
    float* const dx = Floats(call.input_gradients[0]);
    const auto count = static_cast<size_t>(call.batch * loss_.elements);
    const auto factor = static_cast<float>(2 * loss_.weight / static_cast<double>(count));
    for (size_t i = 0; i < count; ++i) dx[i] = factor * (values[i] - targets[i]);
  }

 private:
  const MeanSquaredError loss_;
};

}  // namespace

KernelOr MakeSoftmaxKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<SoftmaxKernel>(spec, lane);
}
KernelOr MakeSoftmaxCrossEntropyKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<SoftmaxCrossEntropyKernel>(spec, lane);
}
KernelOr MakeSigmoidCrossEntropyKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<SigmoidCrossEntropyKernel>(spec, lane);
}
KernelOr MakeMeanSquaredErrorKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<MeanSquaredErrorKernel>(spec, lane);
}

}  // namespace downpour
