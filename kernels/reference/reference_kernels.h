#ifndef DOWNPOUR_KERNELS_REFERENCE_REFERENCE_KERNELS_H_
#define DOWNPOUR_KERNELS_REFERENCE_REFERENCE_KERNELS_H_

#include <cstddef>

#include "kernels/interface.h"

// The oracle, one function for each operation of Kernels: what it computes, as plainly as it can be said. Intermediate
// values are doubles, rounded to float once, when they are stored.

namespace downpour {

const Kernels& ReferenceKernels();

namespace reference {

// The element at `index` of a run of any alignment; exact.
double LoadElement(const FloatInput& input, size_t index);

void Update(UpdateRule rule, const UpdateScalars& scalars, const UpdateArrays& arrays, LambNorms* norms);

bool AllFinite(const FloatInput& input, size_t count);
void AddSquaredNorm(const FloatInput& input, size_t count, double* sum);
double Dot(const float* x, const float* y, size_t count);

void Axpy(float a, const float* x, float* y, size_t count);
void Scale(float a, float* x, size_t count);
void SumOfN(absl::Span<const FloatInput> inputs, float scale, float* sum, size_t count);

void ToFloat(const FloatInput& input, float* floats, size_t count);
void FromFloat(const float* floats, DType dtype, std::byte* values, size_t count);

}  // namespace reference
}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_REFERENCE_REFERENCE_KERNELS_H_
