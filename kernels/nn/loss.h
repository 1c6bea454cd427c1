#ifndef DOWNPOUR_KERNELS_NN_LOSS_H_
#define DOWNPOUR_KERNELS_NN_LOSS_H_

#include <cstddef>
#include <cstdint>

namespace downpour::nn {

// Softmax and the cross-entropy of it, over rows of class scores. Stateless and const: any number of threads may call
// it. Results depend on the arguments alone, bit for bit.
class LossKernels {
 public:
  // Each row of y is exp(x) over its sum, without overflow. y may be x.
  virtual void SoftmaxForward(size_t rows, size_t classes, const float* x, float* y) const = 0;
  // From the forward pass's y: dx = y * (dy - the row's sum of dy * y). dx may be dy.
  virtual void SoftmaxBackward(size_t rows, size_t classes, const float* y, const float* dy, float* dx) const = 0;

  // What the scores should have been: a class for each row (in [0, classes), not checked), or a distribution for each
  // row that sums to 1; one of the two. Smoothing s turns a distribution t into (1 - s) * t + s / classes.
  struct Targets {
    const int32_t* labels = nullptr;      // [rows]
    const float* distribution = nullptr;  // [rows, classes], where there are no labels
    float smoothing = 0;                  // in [0, 1)
  };
  // Writes the loss of each row, -sum(t * log(softmax(x))), and the softmax for the backward pass. `probabilities` may
  // be x itself.
  virtual void CrossEntropyForward(size_t rows, size_t classes, const float* x, const Targets& targets, float* losses,
                                   float* probabilities) const = 0;
  // dx = scale * (probabilities - t); the scale of a mean over the batch is 1 / rows. dx may be `probabilities`.
  virtual void CrossEntropyBackward(size_t rows, size_t classes, const float* probabilities, const Targets& targets,
                                    float scale, float* dx) const = 0;

 protected:
  ~LossKernels() = default;
};

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_LOSS_H_
