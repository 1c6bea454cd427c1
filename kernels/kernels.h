#ifndef DOWNPOUR_KERNELS_KERNELS_H_
#define DOWNPOUR_KERNELS_KERNELS_H_

#include "absl/types/span.h"
#include "kernels/interface.h"

// Which arithmetic there is on this machine. What it can do is in kernels/interface.h, what an update is in
// kernels/update.h, and how it runs over received slices in kernels/slices.h.

namespace downpour {

// Plain scalar code in double precision: slow, simple, the oracle of the others' tests.
const Kernels& ReferenceKernels();

// The fastest that this processor runs, chosen at the first call. The environment variable DOWNPOUR_SIMD=avx512|avx2|
// sse4|scalar asks for a certain one; where the processor lacks it, or there is none of that name, a line on stderr
// says so and the fastest is taken.
const Kernels& BestKernels();

// All that this processor runs, the fastest first and the reference last: for tests and benchmarks.
absl::Span<const Kernels* const> AllSupportedKernels();

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_KERNELS_H_
