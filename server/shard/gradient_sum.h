#ifndef DOWNPOUR_SERVER_SHARD_GRADIENT_SUM_H_
#define DOWNPOUR_SERVER_SHARD_GRADIENT_SUM_H_

#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "kernels/interface.h"
#include "server/shard/push.h"
#include "server/store/block_array.h"

namespace downpour {

// The sum of gradients in the order given, added in float32: the same order gives the same bits, however the gradients
// were sliced. All must have passed CheckGradientForm for one shard; there is at least one. Nothing if the pool has no
// more memory.
std::optional<BlockArray> SumGradients(const Kernels& kernels, absl::Span<const PushRequest* const> pushes,
                                       BlockPool* pool);

// The values of an array as slices.
std::vector<absl::Span<const std::byte>> SlicesOf(const BlockArray& array);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_GRADIENT_SUM_H_
