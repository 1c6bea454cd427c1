#include "server/store/block_array.h"

#include <algorithm>
#include <utility>

namespace downpour {

std::optional<BlockArray> BlockArray::Create(BlockPool* pool, size_t element_count) {
  BlockArray array(pool);
  array.current_.element_count = element_count;
  for (size_t done = 0; done < element_count; done += kBlockElements) {
    BlockRef block = pool->Allocate(std::min(kBlockElements, element_count - done));
    if (!block) return std::nullopt;
    array.current_.blocks.push_back(std::move(block));
  }
  array.fresh_.resize(array.current_.blocks.size());
  return array;
}

bool BlockArray::BeginUpdate() {
  for (size_t i = 0; i < fresh_.size(); ++i) {
    if (current_.blocks[i].unique()) continue;
    fresh_[i] = pool_->Allocate(BlockSize(i));
    if (!fresh_[i]) {
      AbandonUpdate();
      return false;
    }
  }
  return true;
}

void BlockArray::AbandonUpdate() { std::fill(fresh_.begin(), fresh_.end(), BlockRef()); }

size_t BlockArray::CommitUpdate() {
  size_t copied = 0;
  for (size_t i = 0; i < fresh_.size(); ++i) {
    if (!fresh_[i]) continue;
    current_.blocks[i] = std::exchange(fresh_[i], BlockRef());
    ++copied;
  }
  return copied;
}

}  // namespace downpour
