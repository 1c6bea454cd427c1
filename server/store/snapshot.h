#ifndef DOWNPOUR_SERVER_STORE_SNAPSHOT_H_
#define DOWNPOUR_SERVER_STORE_SNAPSHOT_H_

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "server/store/block.h"

namespace downpour {

// A run of elements as it was at one moment: references to its blocks, no copy. All blocks but the last are full. The
// values never change while the snapshot is held; holding it makes the next update write to other blocks, so let go of
// it when the bytes have been sent. Copyable; one thread at a time, different copies from different threads.
struct Snapshot {
  std::vector<BlockRef> blocks;
  size_t element_count = 0;

  // The elements in block `index`: [index * kBlockElements, ...) of the run.
  std::span<const float> block(size_t index) const {
    return {blocks[index]->data(), std::min(kBlockElements, element_count - index * kBlockElements)};
  }
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_SNAPSHOT_H_
