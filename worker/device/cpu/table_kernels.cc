// Layers that move rows: concat and embedding.
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/tensor/dtype.h"
#include "worker/device/cpu/lane_kernel.h"
#include "worker/device/cpu/layer_kernels.h"
#include "worker/layers/layer.h"

namespace downpour {
namespace {

class ConcatKernel final : public LaneKernel {
 public:
  ConcatKernel(const KernelSpec& spec, LaneContext* lane) : LaneKernel(spec, lane), concat_(*layer_.As<Concat>()) {
    for (const int64_t size : concat_.inner_sizes) {
      run_bytes_.push_back(static_cast<size_t>(size) * DTypeSize(spec.compute));
      row_bytes_ += run_bytes_.back();
    }
    needs_.backward_reads_inputs = needs_.backward_reads_output = false;
  }

  void Forward(const ForwardCall& call) override {
    auto* const output = static_cast<std::byte*>(call.output);
    ForEachRun(call.batch, [&](size_t input, size_t row, size_t offset, size_t bytes) {
      std::memcpy(output + row * row_bytes_ + offset, static_cast<const std::byte*>(call.inputs[input]) + row * bytes,
                  bytes);
    });
  }

  void Backward(const BackwardCall& call) override {
    const auto* const gradient = static_cast<const std::byte*>(call.output_gradient);
    ForEachRun(call.batch, [&](size_t input, size_t row, size_t offset, size_t bytes) {
      if (call.input_gradients[input] == nullptr) return;
      std::memcpy(static_cast<std::byte*>(call.input_gradients[input]) + row * bytes,
                  gradient + row * row_bytes_ + offset, bytes);
    });
  }

 private:
  // Calls copy(input, row, offset of its run in the output's row, bytes of the run).
  template <typename Copy>
  void ForEachRun(int64_t batch, const Copy& copy) const {
    const auto rows = static_cast<size_t>(batch * concat_.outer);
    for (size_t row = 0; row < rows; ++row) {
      size_t offset = 0;
      for (size_t input = 0; input < run_bytes_.size(); ++input) {
        copy(input, row, offset, run_bytes_[input]);
        offset += run_bytes_[input];
      }
    }
  }

  const Concat concat_;
  std::vector<size_t> run_bytes_;  // of each input
  size_t row_bytes_ = 0;
};

class EmbeddingKernel final : public LaneKernel {
 public:
  EmbeddingKernel(const KernelSpec& spec, LaneContext* lane)
      : LaneKernel(spec, lane), embedding_(*layer_.As<Embedding>()) {
    needs_.backward_reads_output = false;
  }

  void Forward(const ForwardCall& call) override {
    const auto* const indices = static_cast<const int32_t*>(call.inputs[0]);
    const float* const weights = Floats(call.parameters[0]);
    float* const y = Floats(call.output);
    const auto width = static_cast<size_t>(embedding_.width);
    for (int64_t i = 0; i < call.batch * embedding_.indices; ++i) {
      const int32_t row = indices[i];
      if (IsRow(row)) {
        std::memcpy(y + i * width, weights + row * width, width * sizeof(float));
        continue;
      }
      std::memset(y + i * width, 0, width * sizeof(float));
      lane_.status.Update(
          absl::InvalidArgumentError(absl::StrCat("layer ", layer_.name, ": index ", row, " of example ",
                                                  i / embedding_.indices, " is not in [0, ", embedding_.rows, ")")));
    }
  }

  void Backward(const BackwardCall& call) override {
    const auto* const indices = static_cast<const int32_t*>(call.inputs[0]);
    const float* const dy = Floats(call.output_gradient);
    float* const gradient = Floats(call.parameter_gradients[0]);
    const auto width = static_cast<size_t>(embedding_.width);
    std::memset(gradient, 0, static_cast<size_t>(embedding_.rows) * width * sizeof(float));
    for (int64_t i = 0; i < call.batch * embedding_.indices; ++i) {
      if (!IsRow(indices[i])) continue;
      float* const row = gradient + indices[i] * width;
      nn().elementwise.Add(row, dy + i * width, row, width);
    }
  }

 private:
  bool IsRow(int32_t index) const { return index >= 0 && index < embedding_.rows; }

  const Embedding embedding_;
};

}  // namespace

KernelOr MakeConcatKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<ConcatKernel>(spec, lane);
}
KernelOr MakeEmbeddingKernel(const KernelSpec& spec, LaneContext* lane) {
  return std::make_unique<EmbeddingKernel>(spec, lane);
}

}  // namespace downpour
