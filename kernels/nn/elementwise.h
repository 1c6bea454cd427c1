#ifndef DOWNPOUR_KERNELS_NN_ELEMENTWISE_H_
#define DOWNPOUR_KERNELS_NN_ELEMENTWISE_H_

#include <cstddef>
#include <cstdint>

namespace downpour::nn {

enum class Activation {
  kRelu,       // max(0, x)
  kLeakyRelu,  // x, or slope * x where x is negative (slope > 0)
  kTanh,
  kSigmoid,
  kGelu,  // x * (1 + erf(x / sqrt(2))) / 2, the exact one
};

// Whether ActivationBackward wants the input of the forward pass; the others want its output.
constexpr bool BackwardWantsInput(Activation kind) { return kind == Activation::kGelu; }

// Operations on each element, and sums. Stateless and const: any number of threads may call it. Results depend on the
// arguments alone, bit for bit. An output may be one of the inputs, but not overlap it in part.
class ElementwiseKernels {
 public:
  virtual void ActivationForward(Activation kind, float slope, const float* x, float* y, size_t count) const = 0;
  // `saved` is x or y of the forward pass, see BackwardWantsInput. The relus' gradient at 0 is that of the negative
  // side.
  virtual void ActivationBackward(Activation kind, float slope, const float* saved, const float* dy, float* dx,
                                  size_t count) const = 0;

  virtual void Add(const float* a, const float* b, float* y, size_t count) const = 0;
  virtual void AddRelu(const float* a, const float* b, float* y, size_t count) const = 0;  // max(0, a + b)
  virtual void Multiply(const float* a, const float* b, float* y, size_t count) const = 0;
  virtual void Scale(float factor, const float* x, float* y, size_t count) const = 0;

  // y[r][c] = x[r][c] + bias[c], then max(0, y) with `relu`.
  virtual void AddBias(size_t rows, size_t channels, const float* x, const float* bias, bool relu, float* y) const = 0;
  // dbias[c] = the sum over rows of dy[r][c].
  virtual void BiasGradient(size_t rows, size_t channels, const float* dy, float* dbias) const = 0;

  // The sum, by double precision over short runs.
  virtual double Sum(const float* x, size_t count) const = 0;

  // Element i of a tensor is kept, and multiplied by 1 / (1 - rate), or becomes 0 with probability `rate` (in [0, 1)).
  // Which, is a pure function of (seed, stream, i), the same on every machine: word i % 4 of the Philox4x32-10 block
  // with key `seed` and counter (i / 4, stream) is compared with rate * 2^32. `first` is the number of the first
  // element, any. The backward pass is the same call on the gradient. The rate is a double because a float would round
  // the bound that words are compared with.
  struct DropoutKey {
    uint64_t seed = 0;
    uint64_t stream = 0;  // from step and layer
  };
  virtual void Dropout(double rate, DropoutKey key, uint64_t first, const float* x, float* y, size_t count) const = 0;

 protected:
  ~ElementwiseKernels() = default;
};

}  // namespace downpour::nn

#endif  // DOWNPOUR_KERNELS_NN_ELEMENTWISE_H_
