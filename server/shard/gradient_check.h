#ifndef DOWNPOUR_SERVER_SHARD_GRADIENT_CHECK_H_
#define DOWNPOUR_SERVER_SHARD_GRADIENT_CHECK_H_

#include <cstddef>

#include "kernels/interface.h"
#include "server/shard/push.h"
#include "server/shard/refusal.h"

// What can be seen to be wrong with a push from the push alone.

namespace downpour {

// Dtype, element count, byte count and norm, in that order; looks at no element. `needs_norm`: whether a norm must come
// with the push.
Refusal CheckGradientForm(const PushRequest& push, size_t element_count, bool needs_norm);

// NaN and infinities anywhere; names the first. Requires that CheckGradientForm found nothing.
Refusal CheckGradientFinite(const Kernels& kernels, const PushRequest& push);

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_SHARD_GRADIENT_CHECK_H_
