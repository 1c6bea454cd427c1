#include "server/optimizer/apply.h"

#include <cmath>

namespace downpour {
namespace {

// LAMB's second pass. It reads the moments from where the first one wrote them.
void ApplyLamb(const Kernels& kernels, const UpdateScalars& scalars, absl::Span<const UpdateArrays> blocks) {
  for (UpdateArrays block : blocks) {
    for (int slot = 0; slot < kSlotsMax; ++slot) block.slot_in[slot] = block.slot_out[slot];
    kernels.Update(UpdateRule::kLambApply, scalars, block);
  }
}

}  // namespace

void ApplyUpdate(const Kernels& kernels, const Optimizer& optimizer, StepFacts facts, Slices gradient, DType dtype,
                 absl::Span<const UpdateArrays> blocks) {
  if (optimizer.needs_gradient_norm() && !std::isfinite(facts.gradient_squared_norm.value_or(NAN))) {
    facts.gradient_squared_norm = SquaredNorm(kernels, gradient, dtype);
  }
  const UpdateScalars scalars = optimizer.Prepare(facts);
  LambNorms norms;
  SliceCursor cursor(gradient, dtype);
  for (const UpdateArrays& block : blocks) {
    UpdateFromSlices(kernels, optimizer.rule(), scalars, block, &cursor, &norms);
  }
  if (optimizer.rule() == UpdateRule::kLambMoments) ApplyLamb(kernels, WithTrustRatio(scalars, norms), blocks);
}

}  // namespace downpour
