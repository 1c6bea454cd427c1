#ifndef DOWNPOUR_KERNELS_MULTIPLY_ADD_LOOP_H_
#define DOWNPOUR_KERNELS_MULTIPLY_ADD_LOOP_H_

#include <string_view>

#include "common/tensor/dtype.h"

namespace downpour {

// The limit that arithmetic is measured against: chains of multiplications and additions in registers, enough of them
// side by side that only the execution units count. A multiplication and an addition are two operations. `level` is the
// name of kernels that this processor has (Kernels::Name): as wide as those are the vectors.

// Does at least `operations` on the calling thread and returns how many it did. kFloat32; kBFloat16, products of
// bfloat16 added up in float32, where MultipliesBFloat16(level) and otherwise as float32.
double MultiplyAddLoop(std::string_view level, DType dtype, double operations);

// Whether there are instructions for that (AVX-512 BF16).
bool MultipliesBFloat16(std::string_view level);

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_MULTIPLY_ADD_LOOP_H_
