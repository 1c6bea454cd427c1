#ifndef DOWNPOUR_SERVER_STORE_BLOCK_POOL_H_
#define DOWNPOUR_SERVER_STORE_BLOCK_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/store/block.h"

namespace downpour {

// What a pool has given out and keeps. Bytes count the data of blocks, not their counts.
struct BlockPoolStatistics {
  size_t blocks_in_use = 0;
  size_t bytes_in_use = 0;
  size_t blocks_kept = 0;  // free, waiting to be used
  size_t bytes_kept = 0;
  size_t bytes_in_use_peak = 0;
  uint64_t blocks_allocated = 0;  // from the system, ever
};

struct BlockPoolOptions {
  size_t bytes_in_use_max = SIZE_MAX;                 // Allocate gives nothing beyond it
  size_t bytes_kept_max = size_t{256} * 1024 * 1024;  // what is free beyond it goes back to the system
};

// Gives out blocks and takes them back when their last reference goes. Full blocks come from the system by eight, in
// slabs of 2 MiB that the kernel may back with one huge page (an update of a table on small pages is a third slower),
// and go back by eight, when all of a slab are free. Thread-safe. Blocks may outlive their pool: they stay valid, and
// go back to the system.
class BlockPool {
 public:
  explicit BlockPool(BlockPoolOptions options = {});
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of at least `elements` (1 to kBlockElements), with whatever values its memory held; none if the limit or
  // the machine's memory is reached.
  BlockRef Allocate(size_t elements);

  BlockPoolStatistics statistics() const;

 private:
  const std::shared_ptr<BlockPoolCore> core_;
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_BLOCK_POOL_H_
