#ifndef DOWNPOUR_KERNELS_NN_NORMALIZATION_H_
#define DOWNPOUR_KERNELS_NN_NORMALIZATION_H_

#include <cstddef>

namespace downpour::nn {

// Batch and layer normalisation of [rows, channels] arrays (for images, rows are batch * height * width). Statistics
// are gathered in double precision over short runs of float sums. Stateless and const: any number of threads may call
// it. Results depend on the arguments alone, bit for bit. y may be x, dx may be dy; otherwise arrays do not overlap.
class NormalizationKernels {
 public:
  // ---- Batch norm: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, statistics per channel over the rows.

  struct BatchNorm {
    size_t rows = 0;
    size_t channels = 0;
    float epsilon = 1e-5f;
    const float* gamma = nullptr;  // [channels]
    const float* beta = nullptr;   // [channels]; the backward pass needs it only with `relu`
    bool relu = false;             // y is max(0, that), and dy the gradient of it
  };
  // Training: `mean` and `variance` (biased: divided by rows) of [channels] are written and kept for the backward pass;
  // running averages of them are the caller's (PyTorch averages variance * rows / (rows - 1)).
  virtual void BatchNormForward(const BatchNorm& norm, const float* x, float* mean, float* variance,
                                float* y) const = 0;
  virtual void BatchNormInference(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                                  float* y) const = 0;
  // dgamma and dbeta of [channels] are overwritten. `dx` may be null: not wanted.
  virtual void BatchNormBackward(const BatchNorm& norm, const float* x, const float* mean, const float* variance,
                                 const float* dy, float* dx, float* dgamma, float* dbeta) const = 0;

  // ---- Layer norm: the same with statistics per row over the channels. `mean` and `inverse` (1 / sqrt(variance +
  // epsilon)) are of [rows], written by the forward pass and read by the backward one.

  virtual void LayerNormForward(size_t rows, size_t channels, float epsilon, const float* gamma, const float* beta,
                                const float* x, float* mean, float* inverse, float* y) const = 0;
  // dgamma and dbeta of [channels] are overwritten. `dx` may be null.
  virtual void LayerNormBackward(size_t rows, size_t channels, const float* gamma, const float* x, const float* mean,
                                 const float* inverse, const float* dy, float* dx, float* dgamma,
                                 float* dbeta) const = 0;

 protected:
  ~NormalizationKernels() = default;
};

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_NORMALIZATION_H_
