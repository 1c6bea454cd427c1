#ifndef DOWNPOUR_KERNELS_NN_CONVOLUTION_H_
#define DOWNPOUR_KERNELS_NN_CONVOLUTION_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "kernels/nn/shapes.h"

namespace downpour::nn {

// Convolutions by Winograd's minimal filtering, F(4x4, 5x5) and F(4x4, 3x3), and their two gradients. An output differs
// from the exact one by some 1e-6 of the largest output.
//
// A pass works through the batch in groups of a few images, small enough that all it makes on the way stays in the
// second-level cache. Where a pass ends or begins with another operation on the same images, hand it a callback: it
// gets each group while it is hot, and what is only passed on need never reach memory (kernels/nn/pooling.h has
// operations that fit: relu, pooling and normalisation of a range of images).
//
// Stateless and const: any number of threads may call it, each with memory of its own. Nothing is allocated. Results
// depend on the arguments alone, bit for bit. Arrays do not overlap. Workspaces and prepared weights are aligned to 64
// bytes; other arrays to 4.
class ConvolutionKernels {
 public:
  // ---- Weights, transformed once after each change of them. Opaque: only the same object (the same SIMD level) can
  // read them, for any batch, height, width and padding.

  virtual size_t PreparedFloats(const ConvShape& shape) const = 0;  // for each of the two below
  virtual void PrepareForward(const ConvShape& shape, const float* weights, float* prepared) const = 0;
  virtual void PrepareBackward(const ConvShape& shape, const float* weights, float* prepared) const = 0;

  // ---- Forward: y = x * weights (+ bias) (then max(0, y)).

  // Gets images [first, first + count) of the output, `y` pointing at image `first`, in rising order of `first`.
  using Consumer = absl::FunctionRef<void(size_t first, size_t count, const float* y)>;

  struct ForwardArgs {
    const float* x = nullptr;         // [batch, height, width, in]
    const float* prepared = nullptr;  // of PrepareForward
    const float* bias = nullptr;      // [out], or null for none
    bool relu = false;
    float* y = nullptr;  // [batch, out height, out width, out]; null: only the consumer sees it, out of the workspace
    float* workspace = nullptr;  // ForwardWorkspaceFloats; the contents do not matter
  };
  virtual size_t ForwardWorkspaceFloats(const ConvShape& shape) const = 0;
  virtual void Forward(const ConvShape& shape, const ForwardArgs& args) const = 0;
  virtual void Forward(const ConvShape& shape, const ForwardArgs& args, Consumer consumer) const = 0;

  // ---- Backward: any of the three gradients, in one pass over the batch.

  // Fills images [first, first + count) of the gradient of y, `dy` pointing at image `first`, in rising order of
  // `first`.
  using Producer = absl::FunctionRef<void(size_t first, size_t count, float* dy)>;

  struct BackwardArgs {
    const float* x = nullptr;         // [batch, height, width, in]; needed for dweights
    const float* dy = nullptr;        // [batch, out height, out width, out]; unused where there is a producer
    const float* prepared = nullptr;  // of PrepareBackward; needed for dx
    float* dx = nullptr;              // as x; null: not wanted
    float* dweights = nullptr;        // [kernel, kernel, in, out], overwritten; null: not wanted
    float* dbias = nullptr;           // [out], overwritten; null: not wanted; only beside dweights
    float* workspace = nullptr;       // BackwardWorkspaceFloats
  };
  virtual size_t BackwardWorkspaceFloats(const ConvShape& shape) const = 0;
  virtual void Backward(const ConvShape& shape, const BackwardArgs& args) const = 0;
  virtual void Backward(const ConvShape& shape, const BackwardArgs& args, Producer producer) const = 0;

 protected:
  ~ConvolutionKernels() = default;
};

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_CONVOLUTION_H_
