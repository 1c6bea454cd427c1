#ifndef DOWNPOUR_SERVER_STORE_BLOCK_ARRAY_H_
#define DOWNPOUR_SERVER_STORE_BLOCK_ARRAY_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "server/store/block_pool.h"
#include "server/store/snapshot.h"

namespace downpour {

// A run of float32 elements in blocks, all full but the last: the weights of a shard, or one of its slots. Readers take
// snapshots, which cost a reference for each block; an update writes in place the blocks that no snapshot holds and
// puts fresh ones in place of the others. One thread at a time; snapshots live on their own.
class BlockArray {
 public:
  // Values are whatever the memory held. Nothing if the pool has no more. `pool` must outlive the array.
  static std::optional<BlockArray> Create(BlockPool* pool, size_t element_count);

  size_t element_count() const { return current_.element_count; }
  size_t block_count() const { return current_.blocks.size(); }

  // Elements in block `index`.
  size_t BlockSize(size_t index) const { return current_.block(index).size(); }

  // As it is now, without an update that has begun.
  const Snapshot& current() const { return current_; }

  // ---- Writing everything: BeginUpdate, then for each block all its elements from in(index) to out(index), then
  // CommitUpdate. Where in == out there is no other reader, and what is written cannot be taken back.

  // Finds a place to write for every block. False, and nothing has changed, if the pool has no more.
  [[nodiscard]] bool BeginUpdate();
  const float* in(size_t index) const { return current_.blocks[index]->data(); }
  float* out(size_t index) { return (fresh_[index] ? fresh_[index] : current_.blocks[index])->data(); }
  // Makes what was written current. Gives the number of blocks that were not written in place.
  size_t CommitUpdate();
  // Ends an update of which nothing has been written.
  void AbandonUpdate();

 private:
  explicit BlockArray(BlockPool* pool) : pool_(pool) {}

  BlockPool* pool_;
  Snapshot current_;
  std::vector<BlockRef> fresh_;  // during an update: a block to write to, or none where it is written in place
};

}  // namespace downpour

#endif  // DOWNPOUR_SERVER_STORE_BLOCK_ARRAY_H_
