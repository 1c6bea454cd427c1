#ifndef DOWNPOUR_WORKER_DEVICE_CPU_POOLING_TAIL_H_
#define DOWNPOUR_WORKER_DEVICE_CPU_POOLING_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "kernels/nn/nn_kernels.h"
#include "worker/layers/layer.h"

namespace downpour {

// Whether the pooling kernels take a window: it fits their types, and padding is less than the window.
bool IsSupportedPool(const Pool2D& pool);
nn::PoolShape MakePoolShape(const Pool2D& pool);  // of one image
nn::LrnParams MakeLrnParams(const Lrn& lrn);

// What may follow a convolution and its relu, image by image: a maximum, lrn, or both in either order. Float32.
class PoolingTail {
 public:
  // The tail of layers that begins with layers.front(): as many as fit, none of them if the first does not.
  static std::optional<PoolingTail> Match(std::span<const Layer* const> layers, bool after_relu);

  // How many layers it is.
  size_t length() const { return (has_pool() ? 1 : 0) + (has_lrn() ? 1 : 0); }

  // What a batch keeps from forward to backward; the pointers are at image 0. `x` is the tail's input, the output of
  // the relu where there is one: backward reads it only if ReadsInput. `pooled` and `argmax` are of the sizes below.
  struct Kept {
    const float* x = nullptr;
    float* pooled = nullptr;
    uint8_t* argmax = nullptr;
  };
  bool ReadsInput() const { return has_lrn() && !pool_first_; }
  // Whether backward reads the tail's output.
  bool ReadsOutput() const { return has_pool() && !has_lrn() && after_relu_; }
  size_t PooledBytes(int64_t batch) const;
  size_t ArgmaxBytes(int64_t batch) const;
  size_t WorkspaceBytes() const;

  // Images [first, first + count): `x` is at image `first`, `y` at image 0. Without `kept` for evaluation alone.
  void Forward(const nn::NnKernels& nn, size_t first, size_t count, const float* x, const Kept* kept, float* y,
               void* workspace) const;

  // The gradient of the tail's input (with that of the relu before it) for images [first, first + count): `dx` is at
  // image `first`, `y` and `dy` at image 0.
  void Backward(const nn::NnKernels& nn, size_t first, size_t count, const Kept& kept, const float* y, const float* dy,
                float* dx, void* workspace) const;

 private:
  PoolingTail() = default;
  bool has_pool() const { return pool_.has_value(); }
  bool has_lrn() const { return lrn_.has_value(); }
  nn::PoolShape Pool(size_t count) const;
  size_t LrnPixels(size_t count) const { return count * static_cast<size_t>(lrn_->positions); }
  size_t LrnChannels() const { return static_cast<size_t>(lrn_->channels); }

  bool after_relu_ = false;
  bool pool_first_ = false;
  std::optional<nn::PoolShape> pool_;
  std::optional<Lrn> lrn_;
  nn::LrnParams lrn_params_;
  size_t input_image_ = 0;  // floats
  size_t output_image_ = 0;
};

}  // namespace downpour

#endif  // DOWNPOUR_WORKER_DEVICE_CPU_POOLING_TAIL_H_
