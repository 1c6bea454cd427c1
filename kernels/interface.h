#ifndef DOWNPOUR_KERNELS_INTERFACE_H_
#define DOWNPOUR_KERNELS_INTERFACE_H_

#include <cstddef>

#include "absl/types/span.h"
#include "common/tensor/dtype.h"
#include "kernels/update.h"

namespace downpour {

// Sums are formed group by group, each group on its own and then added to the total in order. So a run that is cut at
// multiples of this many elements sums to the same bits as the whole run.
inline constexpr size_t kSumGroup = 256;

// A run of floats as they came off the wire.
struct FloatInput {
  const std::byte* values = nullptr;  // any alignment
  DType dtype = DType::kFloat32;      // kFloat32, kBFloat16 or kFloat16
};

// The arithmetic of the server and the client, as one backend does it: kernels/reference (plain code in double
// precision, the oracle) or kernels/simd (one for each instruction set). Stateless: any thread may call anything at any
// time. Every `dtype` is kFloat32, kBFloat16 or kFloat16; every `std::byte` pointer may have any alignment; counts are
// in elements and may be 0. Nothing is written beyond `count` elements, and nothing read.
//
// The simd backends agree with each other bit for bit: the same operations in the same order, exact division and square
// root, no fused multiply-add. With the reference they agree to a few units in the last place of the largest operand.
class Kernels {
 public:
  // "avx512", "avx2", "sse4" or "scalar" (the reference).
  virtual const char* Name() const = 0;

  // One optimizer step over the elements of `arrays`, in one pass. kLambMoments adds to `norms`, group by group from
  // the start of the run; the other rules do not look at it.
  virtual void Update(UpdateRule rule, const UpdateScalars& scalars, const UpdateArrays& arrays,
                      LambNorms* norms) const = 0;

  // For every rule but kLambMoments.
  void Update(UpdateRule rule, const UpdateScalars& scalars, const UpdateArrays& arrays) const {
    LambNorms unused;
    Update(rule, scalars, arrays, &unused);
  }

  // Whether there is no NaN and no infinity among the values.
  virtual bool AllFinite(const std::byte* values, DType dtype, size_t count) const = 0;

  // Adds the sum of squares to `sum`, group by group. The sum is finite exactly where all values are (squares of floats
  // cannot overflow a double), so a push that needs its norm needs no AllFinite.
  virtual void AddSquaredNorm(const std::byte* values, DType dtype, size_t count, double* sum) const = 0;

  double SquaredNorm(const std::byte* values, DType dtype, size_t count) const {
    double sum = 0;
    AddSquaredNorm(values, dtype, count, &sum);
    return sum;
  }

  // The inner product, added up in double precision, group by group.
  virtual double Dot(const float* x, const float* y, size_t count) const = 0;

  // y += a * x. The ranges are equal or do not overlap.
  virtual void Axpy(float a, const float* x, float* y, size_t count) const = 0;

  // x *= a.
  virtual void Scale(float a, float* x, size_t count) const = 0;

  // sum = scale * (inputs[0] + inputs[1] + ...), added in float32 in that order; no inputs give zeros. `sum` may be the
  // memory of a float32 inputs[0] and overlaps no other input.
  virtual void SumOfN(absl::Span<const FloatInput> inputs, float scale, float* sum, size_t count) const = 0;

  // The same bits as common/tensor/half.h for every pattern, NaNs included. The ranges do not overlap.
  virtual void ToFloat(const std::byte* values, DType dtype, float* floats, size_t count) const = 0;
  virtual void FromFloat(const float* floats, DType dtype, std::byte* values, size_t count) const = 0;

 protected:
  ~Kernels() = default;  // backends live as long as the program
};

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_INTERFACE_H_
