#ifndef DOWNPOUR_KERNELS_MULTIPLY_ADD_LOOP_H_
#define DOWNPOUR_KERNELS_MULTIPLY_ADD_LOOP_H_

#include <cstdint>

#include "common/tensor/dtype.h"

namespace downpour {

// The limit that arithmetic is measured against: chains of multiplications and additions in registers, enough of them
// side by side that only the execution units count, in the widest vectors that the processor has. A multiplication and
// an addition are two operations.

// Does at least `operations` on the calling thread and returns how many it did. kFloat32; kBFloat16, products of
// bfloat16 added up in float32, where MultipliesBFloat16() and otherwise as float32.
double MultiplyAddLoop(DType dtype, double operations);

// Whether the processor has instructions for that (AVX-512 BF16).
bool MultipliesBFloat16();

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_MULTIPLY_ADD_LOOP_H_
