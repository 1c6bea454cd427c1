#ifndef DOWNPOUR_KERNELS_NN_POOLING_H_
#define DOWNPOUR_KERNELS_NN_POOLING_H_

#include <cstddef>
#include <cstdint>

#include "kernels/nn/shapes.h"

namespace downpour::nn {

// Pooling, local response normalisation, and the two in one pass, forward and backward.
//
// Every function works on the `shape.batch` images that it is given, one after the other: to work on a range of a
// larger batch (as a callback of kernels/nn/convolution.h does), set `batch` to the count and shift the pointers.
//
// Stateless and const: any number of threads may call it. Results depend on the arguments alone, bit for bit. Arrays do
// not overlap unless it says so, and are aligned to 4 bytes, workspaces to 64.
class PoolingKernels {
 public:
  // ---- Maximum. Padding is never chosen. Of equal elements the first wins, row by row.

  // What the forward pass notes for the backward one: for each output the chosen element's number in its window, row by
  // row and counting elements outside: one byte, or four where a window has more than 256 elements.
  static constexpr size_t ArgmaxBytes(const PoolShape& s) {
    return s.batch * s.OutImage() * (s.WindowArea() <= 256 ? 1 : 4);
  }
  // `argmax` may be null: not wanted.
  virtual void MaxForward(const PoolShape& shape, const float* x, float* y, uint8_t* argmax) const = 0;
  virtual void MaxBackward(const PoolShape& shape, const float* dy, const uint8_t* argmax, float* dx) const = 0;

  // ---- Average, over the elements of a window that lie inside, or (`count_padding`) over the window's whole area.

  virtual void AverageForward(const PoolShape& shape, bool count_padding, const float* x, float* y) const = 0;
  virtual void AverageBackward(const PoolShape& shape, bool count_padding, const float* dy, float* dx) const = 0;

  // Over whole images: [batch, pixels, channels] to [batch, channels].
  virtual void GlobalAverageForward(size_t batch, size_t pixels, size_t channels, const float* x, float* y) const = 0;
  virtual void GlobalAverageBackward(size_t batch, size_t pixels, size_t channels, const float* dy,
                                     float* dx) const = 0;

  // ---- Local response normalisation of `pixels` rows of `channels`. y may be x, and dx may be dy.

  virtual void LrnForward(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, float* y) const = 0;
  // With `relu`, x is the output of a relu, and dx is the gradient of that relu's input: 0 where x is not positive.
  virtual void LrnBackward(const LrnParams& lrn, size_t pixels, size_t channels, const float* x, const float* dy,
                           bool relu, float* dx) const = 0;

  // ---- Maximum, then lrn. `pooled` is what lies between, [batch, y.out, x.out, channels], kept for the backward pass.

  virtual void MaxLrnForward(const PoolShape& shape, const LrnParams& lrn, const float* x, float* pooled,
                             uint8_t* argmax, float* y) const = 0;
  // As with LrnBackward, `relu` says that x was the output of a relu, whose gradient dx then includes.
  virtual void MaxLrnBackward(const PoolShape& shape, const LrnParams& lrn, const float* pooled, const uint8_t* argmax,
                              const float* dy, bool relu, float* dx, float* workspace) const = 0;

  // ---- Lrn, then maximum. The backward pass needs x, not what lies between.

  virtual void LrnMaxForward(const PoolShape& shape, const LrnParams& lrn, const float* x, float* y, uint8_t* argmax,
                             float* workspace) const = 0;
  virtual void LrnMaxBackward(const PoolShape& shape, const LrnParams& lrn, const float* x, const uint8_t* argmax,
                              const float* dy, bool relu, float* dx) const = 0;

  // Floats of `workspace` for these passes: about one image, whatever the batch.
  static constexpr size_t MaxLrnWorkspaceFloats(const PoolShape& s) { return s.OutImage() + 64; }
  static constexpr size_t LrnMaxWorkspaceFloats(const PoolShape& s) { return s.InImage() + 64; }

 protected:
  ~PoolingKernels() = default;
};

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_POOLING_H_
