#ifndef DOWNPOUR_KERNELS_STREAM_LOOP_H_
#define DOWNPOUR_KERNELS_STREAM_LOOP_H_

#include <cstddef>

#include "absl/types/span.h"

namespace downpour {

// The limit that an update is measured against: reads `read_only` and every stream of `updated`, writes the latter back
// in place, and does next to nothing in between (each becomes itself + scale * read_only), in the widest vectors that
// the processor has. There are 1 to 3 updated streams; all have `count` floats and are aligned to 64 bytes.
void StreamLoop(const float* read_only, absl::Span<float* const> updated, float scale, size_t count);

// Reads a stream and adds it up in no particular order: the limit of a check.
float ReadLoop(const float* read_only, size_t count);

}  // namespace downpour

#endif  // DOWNPOUR_KERNELS_STREAM_LOOP_H_
