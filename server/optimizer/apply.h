// One update of a shard.
#ifndef DOWNPOUR_SERVER_OPTIMIZER_APPLY_H_
#define DOWNPOUR_SERVER_OPTIMIZER_APPLY_H_

#include "absl/types/span.h"
#include "common/tensor/dtype.h"
#include "kernels/interface.h"
#include "kernels/slices.h"
#include "kernels/update.h"
#include "server/optimizer/optimizer.h"

namespace downpour {

// Makes one update of a shard: computes the step's scalars from `facts` and runs the rule's pass over every block,
// LAMB's two passes, and before them the norm of the gradient where the optimizer clips by it and the facts do not
// carry a finite one. Allocates nothing.
//
// `gradient` is the shard's gradient as it was received, element after element in slices of any length and alignment;
// `dtype` is kFloat32, kBFloat16 or kFloat16. `blocks` are the shard's arrays in the order of the elements, as
// TableShard::BeginUpdate gives them: with the slots, the average and, to compensate a delay, the pulled weights that
// `optimizer` has, and with `gradient` unset. The gradient must have been checked before: as many bytes as the blocks
// have elements, and all of them finite. Elements beyond the end of a gradient that is too short are left alone.
//
// Norms that are taken here, for clipping and for LAMB's trust ratio, are those of the shard. The caller holds whatever
// guards the blocks; calls for different shards may run at once.
void ApplyUpdate(const Kernels& kernels, const Optimizer& optimizer, StepFacts facts, Slices gradient, DType dtype,
                 absl::Span<const UpdateArrays> blocks);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_OPTIMIZER_APPLY_H_
